"""The mobile API, one file per area. The two that phones ask most often are tried first."""

from fastapi import APIRouter

from app.routers.mobile import (
    assignments,
    bundles,
    determinations,
    devices,
    evidence,
    intake,
    numbers,
    packages,
    patrols,
    sites,
    sync,
    templates,
    uploads,
)


def mobile_areas() -> list[APIRouter]:
    """The routers of this audience."""
    return [
        packages.router,
        evidence.router,
        intake.router,
        bundles.router,
        uploads.router,
        devices.router,
        templates.router,
        assignments.router,
        sites.router,
        sync.router,
        determinations.router,
        patrols.patrols,
        patrols.whistles,
        numbers.router,
    ]
