"""The partner API, one file per area. Listed here, in the order of the documentation."""

from fastapi import APIRouter


def partner_areas() -> list[APIRouter]:
    """The routers of this audience."""
    return []
