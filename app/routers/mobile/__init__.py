"""The mobile API, one file per area. Listed here, in the order of the documentation."""

from fastapi import APIRouter

from app.routers.mobile import evidence, packages


def mobile_areas() -> list[APIRouter]:
    """The routers of this audience."""
    return [packages.router, evidence.router]
