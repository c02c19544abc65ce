"""Imports and exports of enterprises at the console. A file comes as a multipart form and is worked off by the worker."""

import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile
from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask

from app.enums.enterprises import FieldError
from app.http.idempotency import IdempotentRoute, RequiredKey, begin_once
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession, allowed
from app.jobs.app import defer
from app.models.enterprises import EnterpriseImportError
from app.routers.console.enterprises import Narrowed
from app.schemas.enterprise_imports import ImportErrorView, ImportView
from app.services.enterprises.exporting import export_csv, export_xlsx, record_export
from app.services.enterprises.import_reports import (
    column_label,
    errors_csv,
    errors_xlsx,
    template_csv,
    template_xlsx,
)
from app.services.enterprises.importing import (
    check_file,
    get_import,
    list_errors,
    list_imports,
    start_import,
)
from app.services.enterprises.jobs import import_enterprises

router = APIRouter(prefix="/enterprises", tags=["enterprises"], route_class=IdempotentRoute)
IMPORT = [Depends(allowed("enterprises:import"))]
EXPORT = [Depends(allowed("enterprises:export"))]

Format = Literal["xlsx", "csv"]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"


FILE: dict[int | str, dict[str, Any]] = {200: {"content": {XLSX: {}, CSV: {}}}}


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _error_view(error: EnterpriseImportError) -> ImportErrorView:
    said = FieldError(error.code)
    return ImportErrorView(
        row=error.row,
        column=error.column,
        column_zh=column_label(error.column),
        code=error.code,
        zh=said.zh,
        en=said.en,
    )


@router.post("/imports", status_code=202, dependencies=IMPORT)
async def post_import(
    file: Annotated[UploadFile, File()],
    request: Request,
    actor: CurrentActor,
    key: RequiredKey,
    session: WriteSession,
    runtime: RuntimeOf,
    dry_run: Annotated[bool, Form()] = False,
) -> ImportView:
    """Take in an XLSX or CSV file, once per key; under a new key its rows are known by their own keys."""
    name, content = file.filename or "", await file.read()
    checked = await check_file(content)
    meaning = hashlib.sha256(f"{request.url.path}\n{dry_run}\n{name}\n".encode() + content).digest()
    request.state.idempotent = await begin_once(session, runtime.keys, actor, key, meaning)
    taken = await start_import(session, actor, name, checked, is_dry_run=dry_run)
    await defer(session, import_enterprises, import_id=taken.id)
    return ImportView.model_validate(taken)


@router.get("/imports", dependencies=IMPORT)
async def get_imports(actor: CurrentActor, session: ReadSession, paging: PagingOf) -> PageOf[ImportView]:
    """Imports, newest first."""
    return paging.page(await list_imports(session, actor, paging.request), ImportView.model_validate)


@router.get("/imports/template", dependencies=IMPORT, response_class=Response, responses=FILE)
async def get_template(format: Format = "xlsx") -> Response:
    """An empty file with the header, and what goes where."""
    if format == "csv":
        return Response(template_csv(), media_type=CSV, headers=_attachment("enterprises.csv"))
    return Response(template_xlsx(), media_type=XLSX, headers=_attachment("enterprises.xlsx"))


@router.get("/imports/{import_id}", dependencies=IMPORT)
async def get_one_import(import_id: UUID, actor: CurrentActor, session: ReadSession) -> ImportView:
    """How far an import is."""
    return ImportView.model_validate(await get_import(session, actor, import_id))


@router.get("/imports/{import_id}/errors", dependencies=IMPORT)
async def get_errors(
    import_id: UUID, actor: CurrentActor, session: ReadSession, paging: PagingOf
) -> PageOf[ImportErrorView]:
    """What is wrong, row by row."""
    return paging.page(await list_errors(session, actor, import_id, paging.request), _error_view)


@router.get("/imports/{import_id}/error-report", dependencies=IMPORT, response_class=Response, responses=FILE)
async def get_error_report(
    import_id: UUID, actor: CurrentActor, runtime: RuntimeOf, format: Format = "xlsx"
) -> Response:
    """The same as a file."""
    async with runtime.database.read() as session:
        await get_import(session, actor, import_id)
    headers = _attachment(f"errors-{import_id}.{format}")
    if format == "csv":
        stream = errors_csv(runtime.database, actor, import_id)
        return StreamingResponse(stream, media_type=CSV, headers=headers)
    content = await errors_xlsx(runtime.database, actor, import_id)
    return Response(content, media_type=XLSX, headers=headers)


@router.get("/export", dependencies=EXPORT, response_class=Response, responses=FILE)
async def get_export(
    actor: CurrentActor, runtime: RuntimeOf, narrowed: Narrowed, format: Format = "xlsx"
) -> Response:
    """The enterprises of the caller's regions under the filters of the list; contacts masked. Written down first."""
    async with runtime.database.write() as session:
        await record_export(session, actor, narrowed, format)
    headers = _attachment(f"enterprises.{format}")
    if format == "csv":
        stream: AsyncIterator[bytes] = export_csv(runtime.database, actor, narrowed)
        return StreamingResponse(stream, media_type=CSV, headers=headers)
    file = await export_xlsx(runtime.database, actor, narrowed)
    return FileResponse(file.path, media_type=XLSX, headers=headers, background=BackgroundTask(file.discard))
