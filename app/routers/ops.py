"""For whoever runs the service: is it alive, is it ready, how is it doing, which version is it."""

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from app import __version__
from app.db.migrate import newest_revision
from app.http.problems import UnavailableProblem
from app.http.sessions import RuntimeOf
from app.services.identity.errors import UnauthenticatedProblem

router = APIRouter(tags=["ops"])


@router.get("/livez")
async def live() -> dict[str, str]:
    """The process answers (public)."""
    return {"status": "ok"}


@router.get("/readyz")
async def ready(runtime: RuntimeOf) -> dict[str, str]:
    """The database answers and has this program's schema (public); 503 otherwise."""
    async with runtime.database.single_statement() as connection:
        found = (
            await connection.execute(text("SELECT version_num FROM alembic_version"))
        ).scalar_one_or_none()
    if found != newest_revision():
        raise UnavailableProblem(revision=found, expected=newest_revision())
    return {"status": "ok", "revision": found}


@router.get("/version")
async def show_version() -> dict[str, str]:
    """Which program this is (public)."""
    return {"name": "anshao", "version": __version__}


@router.get("/metrics")
async def metrics(runtime: RuntimeOf, authorization: Annotated[str, Header()] = "") -> Response:
    """Prometheus metrics; asks for the configured token when there is one."""
    token = runtime.settings.metrics_token
    if token is not None and authorization != f"Bearer {token.get_secret_value()}":
        raise UnauthenticatedProblem
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
