"""The enterprise API, one file per area. Listed here, in the order of the documentation."""

from fastapi import APIRouter

from app.routers.enterprise import orders, rectification, reports, session


def enterprise_areas() -> list[APIRouter]:
    """The routers of this audience."""
    return [session.router, orders.orders, orders.measures, rectification.router, reports.router]
