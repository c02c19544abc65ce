"""create_app(): the only wiring. The lifespan opens the runtime and closes it again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import iter_route_contexts

from app.config import Settings
from app.http.compression import CompressedSync
from app.http.idempotency import ReplayedAnswer
from app.http.middleware import RequestShell
from app.http.problems import install_problem_handlers
from app.http.uploads import UPLOADS
from app.routers.audiences import AUDIENCES
from app.routers.discovery import router as discovery_router
from app.routers.mobile.bundles import BUNDLES
from app.routers.mobile.intake import INTAKE
from app.routers.ops import router as ops_router
from app.routers.reference import reference_router
from app.services.determinations.content import load_law
from app.services.determinations.holding import published_held
from app.services.runtime import open_runtime
from app.services.subscriptions import load_subscriptions
from app.services.sync.streams import close_desk


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; opens nothing before its lifespan begins."""
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_runtime(chosen) as runtime:
            app.state.runtime = runtime
            load_law()
            async with published_held(runtime.database):
                try:
                    yield
                finally:
                    await close_desk(runtime)

    load_subscriptions()
    app = FastAPI(
        title="Anshao", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None,
        redirect_slashes=False,  # such a redirect would lead wherever the Host header says
    )  # fmt: skip
    templates: dict[Any, str] = {}
    app.add_middleware(CompressedSync)
    app.add_middleware(
        RequestShell,
        max_body_bytes=chosen.max_body_bytes,
        templates=templates,
        larger_bodies={
            UPLOADS: chosen.max_upload_bytes,
            BUNDLES: chosen.max_bundle_bytes,
            INTAKE: chosen.max_upload_bytes,
        },
    )
    install_problem_handlers(app)
    app.add_exception_handler(ReplayedAnswer, _replay)
    app.include_router(ops_router)
    app.include_router(discovery_router)
    app.include_router(reference_router())
    for audience in AUDIENCES:
        app.include_router(audience.router)
    templates.update({route.endpoint: route.path or "" for route in iter_route_contexts(app.routes)})
    return app


async def _replay(_: Request, answer: Exception) -> Response:
    assert isinstance(answer, ReplayedAnswer)
    return answer.response
