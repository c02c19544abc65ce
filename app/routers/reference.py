"""The API's documentation: one OpenAPI document and one page per audience. The pages need no internet: their assets come along."""

from functools import cache
from html import escape
from importlib import resources

import orjson
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import iter_route_contexts

from app.core.errors import NotFoundProblem
from app.http.openapi import Document, Subject, describe
from app.routers.audiences import AUDIENCES, TAGS, Audience

_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_START = """window.addEventListener("load", () => {
  const url = document.getElementById("reference").dataset.document;
  SwaggerUIBundle({
    url, dom_id: "#reference", deepLinking: true, validatorUrl: null, docExpansion: "none", filter: true,
    displayRequestDuration: true, defaultModelsExpandDepth: 0, presets: [SwaggerUIBundle.presets.apis],
  });
});
"""
_PAGE = """<!doctype html>
<html lang="zh">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<link rel="icon" href="/reference/favicon-32x32.png"><link rel="stylesheet" href="/reference/swagger-ui.css"></head>
<body><div id="reference" data-document="{document}"></div>
<noscript><a href="{document}">OpenAPI 3.1</a></noscript>
<script src="/reference/swagger-ui-bundle.js"></script><script src="/reference/start.js"></script></body>
</html>
"""


@cache
def document_of(name: str) -> Document:
    """The OpenAPI document of an audience, by its name; raises KeyError."""
    audience = {one.name: one for one in AUDIENCES}[name]
    routes = [route for route in iter_route_contexts(audience.router.routes) if route.path]
    token_path = next(
        (r.path for r in routes if name == "partner" and (r.path or "").endswith("/token")), None
    )
    return describe(Subject(audience.title, routes, TAGS, token_path))


def reference_router() -> APIRouter:
    """The documents, the pages and what the pages load."""
    router = APIRouter(include_in_schema=False)
    for audience in AUDIENCES:
        _add_audience(router, audience)
    router.add_api_route("/reference/{name}", get_asset, methods=["GET"])
    return router


def _add_audience(router: APIRouter, audience: Audience) -> None:
    prefix = audience.router.prefix

    async def get_document() -> Response:
        return Response(orjson.dumps(document_of(audience.name)), media_type="application/json")

    async def get_page() -> Response:
        content = _PAGE.format(title=escape(audience.title), document=f"{prefix}/openapi.json")
        return HTMLResponse(content, headers={"Content-Security-Policy": _POLICY})

    router.add_api_route(f"{prefix}/openapi.json", get_document, methods=["GET"])
    router.add_api_route(f"{prefix}/docs", get_page, methods=["GET"])


async def get_asset(name: str) -> Response:
    """A file of the page (public)."""
    headers = {"Cache-Control": "public, max-age=86400"}
    if name == "start.js":
        return Response(_START, headers=headers, media_type="text/javascript")
    if name not in _ASSETS:
        raise NotFoundProblem
    content = resources.files("fastapi_swagger.resources").joinpath(name).read_bytes()
    return Response(content, headers=headers, media_type=_ASSETS[name])
