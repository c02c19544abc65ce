"""Placards as the public reads them: deliberately open to whoever has the token that is printed on one."""

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Response
from fastapi.responses import HTMLResponse

from app.http.sessions import ReadSession
from app.services.hazards.placard_page import GONE, STYLE_HASH, UNKNOWN, placard_page, sentence_page
from app.services.hazards.placard_publication import find_published

router = APIRouter(prefix="/placards", tags=["hazards"])
PAGE: dict[str, Any] = {"text/html": {"schema": {"type": "string"}}}
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src '{STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'",
    "Content-Language": "zh-CN, en",
}


@router.get(
    "/{token}",
    response_class=HTMLResponse,
    openapi_extra={"security": []},
    responses={
        304: {"description": "Unchanged"},
        404: {"description": "Never put up, or no token; a page with a sentence", "content": PAGE},
        410: {"description": "Taken down; a page with a sentence", "content": PAGE},
    },
)
async def get_published_placard(
    token: Annotated[str, Path(max_length=100)],
    session: ReadSession,
    if_none_match: Annotated[str | None, Header(max_length=500)] = None,
) -> Response:
    """The page of a placard in force (public: whoever has the token may read it); taken down, it is gone."""
    shown = await find_published(session, token)
    if shown == "unknown":
        return HTMLResponse(sentence_page(UNKNOWN), 404, HEADERS)
    if shown == "gone":
        return HTMLResponse(sentence_page(GONE), 410, HEADERS)
    page = placard_page(shown)
    etag = f'"{hashlib.sha256(page.encode()).hexdigest()}"'
    cached = {**HEADERS, "ETag": etag, "Cache-Control": "public, max-age=300"}
    if etag in (one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")):
        return Response(status_code=304, headers=cached)
    return HTMLResponse(page, 200, cached)
