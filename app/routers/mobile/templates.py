"""Checklists for phones: which are in force, and their content by hash, to be kept for ever."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from app.core.clock import shanghai_today
from app.http.sessions import ReadSession, allowed
from app.models.checklists import TemplateVersion
from app.schemas.checklist_content import Checklist
from app.schemas.checklists import TemplateList, TemplateView
from app.services.checklists.content import canonical_bytes
from app.services.checklists.repository import list_current_versions
from app.services.checklists.service import get_published_version

router = APIRouter(prefix="/templates", tags=["templates"])
READ = [Depends(allowed("checklists:read"))]

ContentHash = Annotated[str, Path(pattern=r"^sha-256:[0-9a-f]{64}$")]


@router.get("", dependencies=READ)
async def get_templates(session: ReadSession, on: date | None = None) -> TemplateList:
    """The checklists in force on a day (today in Shanghai unless told), one version of each."""
    day = on or shanghai_today()
    rows = await list_current_versions(session, day)
    views = [_view(version, code) for version, code in rows]
    return TemplateList(on=day, templates=views)


@router.get("/{content_hash}", dependencies=READ, responses={200: {"model": Checklist}, 304: {}})
async def get_template(content_hash: ContentHash, session: ReadSession, request: Request) -> Response:
    """The content of a published or withdrawn version: canonical JSON (RFC 8785), whose SHA-256 is the hash asked for."""
    version, _ = await get_published_version(session, content_hash)
    headers = {"ETag": f'"{content_hash}"', "Cache-Control": "private, max-age=31536000, immutable"}
    if _has_it(request, content_hash):
        return Response(status_code=304, headers=headers)
    return Response(canonical_bytes(version.body), headers=headers, media_type="application/json")


def _view(version: TemplateVersion, code: str) -> TemplateView:
    members = {name: getattr(version, name) for name in TemplateView.model_fields if name != "code"}
    return TemplateView(code=code, **members)


def _has_it(request: Request, content_hash: str) -> bool:
    """If-None-Match compares weakly (RFC 9110, 13.1.2)."""
    given = request.headers.get("if-none-match", "").split(",")
    return any(tag.strip().removeprefix("W/") in (f'"{content_hash}"', "*") for tag in given)
