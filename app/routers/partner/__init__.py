"""The partner API, one file per area. Listed here, in the order of the documentation."""

from fastapi import APIRouter

from app.routers.partner import oauth, records


def partner_areas() -> list[APIRouter]:
    """The routers of this audience."""
    return [oauth.router, records.enterprises, records.inspections, records.hazards]
