"""The public API, one file per area. Listed here, in the order of the documentation."""

from fastapi import APIRouter

from app.routers.public import keys, objects, placards


def public_areas() -> list[APIRouter]:
    """The routers of this audience."""
    return [keys.router, objects.router, placards.router]
