"""Exports of the hazard registry at the console: asked for, followed, downloaded by ranges."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.objects import object_response
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession, allowed
from app.jobs.app import defer
from app.routers.console.hazards import Narrowed
from app.schemas.hazard_exports import ExportView
from app.services.hazards.exporting import (
    MEDIA_TYPES,
    get_export,
    list_exports,
    resume_export,
    start_export,
    take_file,
)
from app.services.hazards.jobs import export_hazards

router = APIRouter(prefix="/hazards/exports", tags=["hazards"], route_class=IdempotentRoute)
EXPORT = [Depends(allowed("hazards:export"))]


@router.post("", status_code=202, dependencies=EXPORT)
async def post_export(
    actor: CurrentActor,
    session: WriteSession,
    narrowed: Narrowed,
    _: Idempotency,
    format: Literal["csv", "xlsx"] = "xlsx",
) -> ExportView:
    """Export the hazards of the caller's regions under the filters of the list; worked off by the worker. Written down."""
    export = await start_export(session, actor, narrowed, format)
    await defer(session, export_hazards, export_id=export.id)
    return ExportView.model_validate(export)


@router.get("", dependencies=EXPORT)
async def get_exports(actor: CurrentActor, session: ReadSession, paging: PagingOf) -> PageOf[ExportView]:
    """Exports whose regions the caller may export himself, newest first."""
    return paging.page(await list_exports(session, actor, paging.request), ExportView.model_validate)


@router.get("/{export_id}", dependencies=EXPORT)
async def get_one_export(
    export_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> ExportView:
    """How far an export is."""
    export = await get_export(session, actor, export_id)
    set_etag(response, export.version)
    return ExportView.model_validate(export)


@router.post("/{export_id}/resumption", status_code=202, dependencies=EXPORT)
async def post_export_resumption(
    export_id: UUID,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
    _: Idempotency,
) -> ExportView:
    """Take one's own failed export on again; a CSV goes on behind what it has, a workbook is made anew."""
    check_version((await get_export(session, actor, export_id)).version, expected)
    export = await resume_export(session, actor, export_id, expected)
    await defer(session, export_hazards, export_id=export.id)
    set_etag(response, export.version)
    return ExportView.model_validate(export)


@router.get(
    "/{export_id}/file",
    dependencies=EXPORT,
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}}},
)
async def get_file(export_id: UUID, request: Request, actor: CurrentActor, runtime: RuntimeOf) -> Response:
    """The finished file, whole or by range (Range, If-Range); each download is written down first."""
    async with runtime.database.write() as session:
        file, stored = await take_file(session, actor, export_id, runtime)
    return await object_response(request, file, stored, as_attachment=True)
