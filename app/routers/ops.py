"""For whoever runs the service: is it alive, is it ready, how is it doing, which version is it."""

import hmac
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response
from sqlalchemy import text

from app import __version__
from app.db.migrate import newest_revision
from app.http.metrics import MEDIA_TYPE, render_metrics
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
    """The database answers and has this program's schema, the storage takes objects (public); 503 otherwise."""
    async with runtime.database.single_statement() as connection:
        found = (
            await connection.execute(text("SELECT version_num FROM alembic_version"))
        ).scalar_one_or_none()
    if found != newest_revision():
        raise UnavailableProblem(revision=found, expected=newest_revision())
    try:
        await runtime.storage.check()
    except OSError as failure:
        raise UnavailableProblem(storage=type(failure).__name__) from failure
    return {"status": "ok", "revision": found}


@router.get("/version")
async def show_version() -> dict[str, str]:
    """Which program this is (public)."""
    return {"name": "anshao", "version": __version__}


@router.get("/metrics")
async def metrics(runtime: RuntimeOf, authorization: Annotated[str, Header()] = "") -> Response:
    """Prometheus metrics; asks for the configured token when there is one."""
    token = runtime.settings.metrics_token
    if token is not None and not _agree(authorization, f"Bearer {token.get_secret_value()}"):
        raise UnauthenticatedProblem(headers={"WWW-Authenticate": "Bearer"})
    return Response(await render_metrics(runtime), media_type=MEDIA_TYPE)


def _agree(given: str, expected: str) -> bool:
    """Compares in a time that tells nothing."""
    return hmac.compare_digest(given.encode(), expected.encode())
