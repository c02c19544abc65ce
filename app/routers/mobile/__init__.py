"""The mobile API, one file per area. Listed here, in the order of the documentation."""

from fastapi import APIRouter

from app.routers.mobile import (
    assignments,
    determinations,
    devices,
    evidence,
    packages,
    patrols,
    sites,
    templates,
)


def mobile_areas() -> list[APIRouter]:
    """The routers of this audience."""
    return [
        devices.router,
        templates.router,
        assignments.router,
        sites.router,
        packages.router,
        determinations.router,
        evidence.router,
        patrols.patrols,
        patrols.whistles,
    ]
