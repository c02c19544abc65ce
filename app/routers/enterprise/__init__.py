"""The enterprise API, one file per area. Listed here, in the order of the documentation."""

from fastapi import APIRouter

from app.routers.enterprise import orders, photographs, rectification, reports, session


def enterprise_areas() -> list[APIRouter]:
    """The routers of this audience."""
    return [
        session.router, orders.orders, orders.measures, rectification.router, photographs.router, reports.router,
    ]  # fmt: skip
