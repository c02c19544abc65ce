"""Exports of the registry: asked for once, worked off by a job, offered whole, gone after their time.

A CSV grows by parts, each with its place in the registry in one unit of work: after a crash it goes on behind the last one.
A workbook cannot grow that way and is made anew; its parts count only together. Each page is read as it stands at that moment.
One that failed is taken on again by its owner.
"""

import hashlib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import anyio
from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM, Actor
from app.core.clock import utc_now
from app.core.errors import ForbiddenProblem, NotFoundProblem
from app.core.ids import new_id
from app.core.paging import Page, PageRequest
from app.db.versions import compare_and_set
from app.enums.hazards import ExportStatus
from app.jobs.app import live_arguments
from app.models.hazards import Hazard, HazardExport, HazardExportPart
from app.schemas.evidence import StoredObject
from app.services.audit.service import record_access, record_act
from app.services.enterprises.repository import regions_below
from app.services.enterprises.writing import BOM, XlsxFile, csv_bytes
from app.services.hazards.errors import (
    ExportExpiredProblem,
    ExportNotReadyProblem,
    ExportStateProblem,
    TooManyExportsProblem,
)
from app.services.hazards.export_files import KEPT_FOR, PartedFile, put_part
from app.services.hazards.export_lines import HEADER, SHEET, export_page
from app.services.hazards.registry import HazardFilter, conditions_of
from app.services.identity.acting import find_actor_of_user
from app.services.identity.places import topmost
from app.services.runtime import Runtime

ACTION = "hazards:export"
ROWS = 5_000
"""Of one page; a CSV's part holds as many."""
MAX_UNFINISHED = 3
"""Of one person."""
PIECE_BYTES = 4 * 1024 * 1024
"""Of a workbook's part."""
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_FILTER = TypeAdapter(HazardFilter)
_UNFINISHED = (ExportStatus.WAITING, ExportStatus.RUNNING)


async def start_export(
    session: AsyncSession, actor: Actor, narrowed: HazardFilter, file_format: str
) -> HazardExport:
    """Take an export on; the caller defers the job in the same transaction.

    Raises NotFoundProblem for a region out of reach, TooManyExportsProblem.
    """
    actor.require(ACTION)
    regions = actor.regions_for(ACTION)
    if narrowed.region_id is not None:
        regions &= await regions_below(session, narrowed.region_id)
    where = await topmost(session, regions)
    if where is None:
        raise NotFoundProblem
    await _check_number(session, actor)
    filters = _FILTER.dump_python(narrowed, mode="json", exclude_none=True)
    conditions = conditions_of(regions, narrowed, from_returns=True)
    number = select(func.count()).select_from(Hazard).where(*conditions)
    export = HazardExport(
        id=new_id(), version=1, region_id=where, created_by=actor.user_id, region_ids=sorted(regions),
        filters=filters, format=file_format, status=ExportStatus.WAITING.value, rows_done=0, size=0,
        rows_total=(await session.execute(number)).scalar_one(), expires_at=utc_now() + KEPT_FOR,
    )  # fmt: skip
    session.add(export)
    await session.flush()
    await _record(session, actor, export, "hazards:export", {"filters": filters})
    return export


async def _check_number(session: AsyncSession, actor: Actor) -> None:
    mine = HazardExport.created_by == actor.user_id, HazardExport.status.in_(_UNFINISHED)
    if (await session.execute(select(func.count()).where(*mine))).scalar_one() >= MAX_UNFINISHED:
        raise TooManyExportsProblem(limit=MAX_UNFINISHED)


async def resume_export(session: AsyncSession, actor: Actor, export_id: UUID, expected: int) -> HazardExport:
    """Take a failed export on again, behind the parts it has; its owner does. The time after which it is gone stays.

    The caller defers the job in the same transaction. Raises NotFoundProblem, ForbiddenProblem, ExportExpiredProblem,
    ExportStateProblem, TooManyExportsProblem.
    """
    export = await get_export(session, actor, export_id)
    if export.created_by != actor.user_id:
        raise ForbiddenProblem
    if export.status == ExportStatus.EXPIRED or export.expires_at <= utc_now():
        raise ExportExpiredProblem
    if export.status != ExportStatus.FAILED:
        raise ExportStateProblem(state=export.status)
    await _check_number(session, actor)
    again = {"status": ExportStatus.WAITING.value, "failure": None, "finished_at": None}
    await compare_and_set(session, export, expected, **again)
    await _record(session, actor, export, "hazards:resume_export", {"rows_done": export.rows_done})
    return export


async def get_export(session: AsyncSession, actor: Actor, export_id: UUID) -> HazardExport:
    """One export, for whoever may export all of its regions himself. Raises NotFoundProblem."""
    wanted = select(HazardExport).where(HazardExport.id == export_id, _within(actor))
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise NotFoundProblem
    return found


async def list_exports(session: AsyncSession, actor: Actor, request: PageRequest) -> Page[HazardExport]:
    """The same, newest first."""
    wanted = select(HazardExport).where(_within(actor))
    if request.after:
        wanted = wanted.where(HazardExport.id < request.after[0])
    rows = await session.execute(wanted.order_by(HazardExport.id.desc()).limit(request.limit + 1))
    return Page.cut(list(rows.scalars()), request, key=lambda row: (row.id,))


async def take_file(
    session: AsyncSession, actor: Actor, export_id: UUID, runtime: Runtime
) -> tuple[PartedFile, StoredObject]:
    """The finished file; that somebody takes it is written down in the session's unit of work.

    Raises ExportNotReadyProblem, ExportExpiredProblem.
    """
    export = await get_export(session, actor, export_id)
    if export.status == ExportStatus.EXPIRED or export.expires_at <= utc_now():
        raise ExportExpiredProblem
    if export.status != ExportStatus.DONE or export.sha256 is None:
        raise ExportNotReadyProblem(state=export.status)
    await record_access(
        session, actor, action="hazards:download_export", kind="hazard_export", object_id=export.id,
        region_id=export.region_id, detail={"sha256": export.sha256},
    )  # fmt: skip
    name = f"{SHEET}-{export.created_at:%Y%m%d}.{export.format}"
    stored = StoredObject(str(export.id), export.sha256, export.size, MEDIA_TYPES[export.format], name)
    return PartedFile(runtime.storage, await _parts(session, export_id)), stored


async def work_off(runtime: Runtime, export_id: UUID) -> None:
    """Write what is left of an export. Two workers on one take turns at a CSV; of two workbooks the first finished counts."""
    async with runtime.database.read() as session:
        export = await session.get(HazardExport, export_id)
    if export is None or export.status not in _UNFINISHED:
        return
    if export.format == "xlsx":
        await _write_workbook(runtime, export_id)
        return
    while await _write_part(runtime, export_id):
        pass


async def _write_part(runtime: Runtime, export_id: UUID) -> bool:
    """One unit of work; False when nothing is left."""
    async with runtime.database.write() as session:
        export = await _locked(session, export_id)
        regions = await _still_allowed(session, export)
        if not regions:
            return False
        lines, last_id = await export_page(session, regions, _filter_of(export), export.last_id, ROWS)
        parts = await _parts(session, export_id)
        if lines or not parts:
            content = await anyio.to_thread.run_sync(csv_bytes, lines if parts else [HEADER, *lines])
            await _add_part(session, runtime, export, len(parts), content if parts else BOM + content)
        export.status, export.last_id = ExportStatus.RUNNING.value, last_id or export.last_id
        export.rows_done += len(lines)
        if len(lines) == ROWS:
            return True
        await _finish(session, runtime, export)
        return False


async def _write_workbook(runtime: Runtime, export_id: UUID) -> None:
    file = XlsxFile()
    try:
        file.begin_sheet(SHEET, HEADER)
        after, done, more = None, 0, True
        while more:
            async with runtime.database.write() as session:
                export = await _locked(session, export_id)
                regions = await _still_allowed(session, export)
                if not regions:
                    return
                lines, after = await export_page(session, regions, _filter_of(export), after, ROWS)
                done, more = done + len(lines), len(lines) == ROWS
                export.status, export.rows_done = ExportStatus.RUNNING.value, done
            await anyio.to_thread.run_sync(file.add, lines)
        await anyio.to_thread.run_sync(file.close)
        async with await anyio.open_file(file.path, "rb") as written, runtime.database.write() as session:
            export = await _locked(session, export_id)
            if export.status not in _UNFINISHED:
                return
            for number, start in enumerate(range(0, file.path.stat().st_size, PIECE_BYTES)):
                await written.seek(start)
                await _add_part(session, runtime, export, number, await written.read(PIECE_BYTES))
            await _finish(session, runtime, export)
    finally:
        await anyio.to_thread.run_sync(file.discard)


async def expire_exports(runtime: Runtime) -> int:
    """Remove the files of exports whose time is over, finished or not; gives their number."""
    async with runtime.database.write() as session:
        past = HazardExport.status != ExportStatus.EXPIRED, HazardExport.expires_at < utc_now()
        found = (await session.execute(select(HazardExport).where(*past).with_for_update())).scalars().all()
        wanted = select(HazardExportPart).where(HazardExportPart.export_id.in_([one.id for one in found]))
        parts = (await session.execute(wanted)).scalars().all()
        for part in parts:
            await session.delete(part)
        for export in found:
            export.status, export.version = ExportStatus.EXPIRED.value, export.version + 1
            await session.flush()
            await _record(session, SYSTEM, export, "hazards:expire_export", {})
    for part in parts:
        await runtime.storage.remove(part.key)
    return len(found)


async def fail_export(runtime: Runtime, export_id: UUID, failure: str) -> None:
    """Say that it will not be finished."""
    async with runtime.database.write() as session:
        export = await _locked(session, export_id)
        if export.status in _UNFINISHED:
            await _fail(session, export, failure)


async def fail_without_job(runtime: Runtime, task: str) -> int:
    """Say so of unfinished exports for which no job waits or runs any more (its worker died too often); gives their number.

    They are held before the jobs are read: one that is being finished has its job until that is committed.
    """
    async with runtime.database.write() as session:
        wanted = (
            select(HazardExport).where(HazardExport.status.in_(_UNFINISHED)).with_for_update(skip_locked=True)
        )
        found = (await session.execute(wanted)).scalars().all()
        alive = await live_arguments(session, task, "export_id")
        given_up = [export for export in found if str(export.id) not in alive]
        for export in given_up:
            await _fail(session, export, "worker_died")
    return len(given_up)


async def _add_part(
    session: AsyncSession, runtime: Runtime, export: HazardExport, number: int, content: bytes
) -> None:
    key = await put_part(runtime.storage, export.id, content)
    session.add(HazardExportPart(export_id=export.id, number=number, key=key, size=len(content)))
    export.size += len(content)
    await session.flush()


async def _finish(session: AsyncSession, runtime: Runtime, export: HazardExport) -> None:
    """The file is whole: its hash is of what lies in the store."""
    digest = hashlib.sha256()
    for key, _ in await _parts(session, export.id):
        digest.update(await runtime.storage.read(key))
    export.sha256 = "sha-256:" + digest.hexdigest()
    export.expires_at = utc_now() + KEPT_FOR
    _end(export, ExportStatus.DONE)
    await session.flush()
    actor = await find_actor_of_user(session, export.created_by)
    assert actor is not None
    await _record(session, actor, export, "hazards:finish_export", {"sha256": export.sha256})


def _end(export: HazardExport, status: ExportStatus, failure: str | None = None) -> None:
    export.status, export.failure, export.finished_at = status.value, failure, utc_now()
    export.version += 1


async def _fail(session: AsyncSession, export: HazardExport, failure: str) -> None:
    """It ends without a file; nobody did that, and it is written down all the same."""
    _end(export, ExportStatus.FAILED, failure)
    await session.flush()
    await _record(session, SYSTEM, export, "hazards:fail_export", {"failure": failure})


async def _still_allowed(session: AsyncSession, export: HazardExport) -> frozenset[UUID]:
    """The regions to write of, by the rights the person has now; none when it is over, or ends here for want of them."""
    if export.status not in _UNFINISHED:
        return frozenset()
    actor = await find_actor_of_user(session, export.created_by)
    regions = actor.regions_for(ACTION) if actor else frozenset()
    if not regions.issuperset(export.region_ids):
        await _fail(session, export, "permission_withdrawn")
        return frozenset()
    return frozenset(export.region_ids)


async def _locked(session: AsyncSession, export_id: UUID) -> HazardExport:
    return (
        await session.execute(select(HazardExport).where(HazardExport.id == export_id).with_for_update())
    ).scalar_one()


async def _parts(session: AsyncSession, export_id: UUID) -> list[tuple[str, int]]:
    wanted = select(HazardExportPart.key, HazardExportPart.size).where(
        HazardExportPart.export_id == export_id
    )
    rows = await session.execute(wanted.order_by(HazardExportPart.number))
    return [(key, size) for key, size in rows]


def _filter_of(export: HazardExport) -> HazardFilter:
    return _FILTER.validate_python(export.filters)


def _within(actor: Actor) -> Any:
    regions: Iterable[UUID] = actor.regions_for(ACTION)
    return HazardExport.region_ids.contained_by(list(regions))


async def _record(
    session: AsyncSession, actor: Actor, export: HazardExport, action: str, detail: dict[str, Any]
) -> None:
    told = {"format": export.format, "rows": export.rows_total, **detail}
    await record_act(
        session, actor, action=action, kind="hazard_export", object_id=export.id, version=export.version,
        region_id=export.region_id, after={"status": export.status}, detail=told,
    )  # fmt: skip
