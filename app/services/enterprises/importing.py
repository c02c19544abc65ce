"""Imports of enterprises: taken in whole, worked off in batches (one commit each), resumed after the last finished batch."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

import anyio
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer as defer_column

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import NotFoundProblem, Problem
from app.core.ids import new_id
from app.core.paging import Page, PageRequest
from app.core.text import normalized
from app.db.rows import insert_rows
from app.db.session import Database
from app.enums.enterprises import ImportStatus
from app.models.enterprises import EnterpriseImport, EnterpriseImportError
from app.models.identity import User
from app.services.audit.service import record_act
from app.services.enterprises.import_batches import Outcome, apply_batch
from app.services.enterprises.import_columns import ImportRow, in_order, read_import
from app.services.enterprises.spreadsheets import read_rows
from app.services.identity.acting import find_actor_of_user

BATCH = 250


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that can be imported: its bytes and how many rows stand below its header."""

    content: bytes
    rows: int


async def check_file(content: bytes) -> Checked:
    """Read the whole file before it is taken in; raises SpreadsheetProblem. Runs beside the event loop."""
    rows = await anyio.to_thread.run_sync(lambda: read_import(read_rows(content)))
    return Checked(content, len(rows))


async def start_import(
    session: AsyncSession, actor: Actor, file_name: str, checked: Checked, *, is_dry_run: bool
) -> EnterpriseImport:
    """Take a file in; the caller defers the job in the same transaction."""
    actor.require("enterprises:import")
    region_id = (await session.execute(select(User.region_id).where(User.id == actor.user_id))).scalar_one()
    taken = EnterpriseImport(
        id=new_id(),
        version=1,
        region_id=region_id,
        created_by=actor.user_id,
        file_name=normalized(file_name)[-200:] or "?",
        sha256="sha-256:" + hashlib.sha256(checked.content).hexdigest(),
        content=checked.content,
        is_dry_run=is_dry_run,
        status=ImportStatus.WAITING.value,
        rows_total=checked.rows,
        rows_done=0,
        rows_created=0,
        rows_updated=0,
        rows_unchanged=0,
        rows_failed=0,
    )
    session.add(taken)
    await session.flush()
    await _record(session, actor, taken, "enterprises:start_import")
    return taken


async def work_off(database: Database, import_id: UUID) -> None:
    """Process what is left of an import, batch by batch. Run again after a crash, it goes on where the last commit was.

    Two workers on one import take turns: each batch locks the import and begins where `rows_done` then stands.
    """
    async with database.read() as session:
        wanted = select(EnterpriseImport.content, EnterpriseImport.status)
        found = (await session.execute(wanted.where(EnterpriseImport.id == import_id))).first()
    if found is None or found.status in (ImportStatus.DONE, ImportStatus.FAILED):
        return
    rows, heads = await anyio.to_thread.run_sync(lambda: in_order(read_import(read_rows(found.content))))
    promised = {row.values["uscc"]: row.number for row in rows[:heads] if "uscc" in row.values}
    while await _work_one_batch(database, import_id, rows, heads, promised):
        pass


async def _work_one_batch(
    database: Database, import_id: UUID, rows: list[ImportRow], heads: int, promised: dict[str, int]
) -> bool:
    """One unit of work; False when nothing is left."""
    async with database.write() as session:
        taken = await _locked(session, import_id)
        if taken.status in (ImportStatus.DONE, ImportStatus.FAILED):
            return False
        actor = await find_actor_of_user(session, taken.created_by)
        if actor is None or not actor.can("enterprises:import"):
            _end(taken, ImportStatus.FAILED, "permission_withdrawn")
            return False
        begin = taken.rows_done
        # branches never share a batch with the rows that may be their parents
        end = min(begin + BATCH, heads if begin < heads else len(rows))
        outcome = await apply_batch(
            session,
            actor,
            rows[begin:end],
            import_id=import_id,
            is_dry_run=taken.is_dry_run,
            promised=await _kept_promises(session, taken, promised) if begin >= heads else frozenset(),
        )
        await _note(session, taken, end, outcome)
        if end < len(rows):
            return True
        _end(taken, ImportStatus.DONE)
        await session.flush()
        await _record(session, actor, taken, "enterprises:finish_import")
        return False


async def _kept_promises(
    session: AsyncSession, taken: EnterpriseImport, promised: dict[str, int]
) -> frozenset[str]:
    """In a dry run: the credit codes of the file's own rows that would be registered by now; branches may count on them."""
    if not taken.is_dry_run:
        return frozenset()
    failed = select(EnterpriseImportError.row).where(EnterpriseImportError.import_id == taken.id).distinct()
    rows = set((await session.execute(failed)).scalars())
    return frozenset(code for code, number in promised.items() if number not in rows)


async def _locked(session: AsyncSession, import_id: UUID) -> EnterpriseImport:
    wanted = (
        select(EnterpriseImport)
        .options(defer_column(EnterpriseImport.content))
        .where(EnterpriseImport.id == import_id)
        .with_for_update()
    )
    return (await session.execute(wanted)).scalar_one()


async def _note(session: AsyncSession, taken: EnterpriseImport, end: int, outcome: Outcome) -> None:
    """The progress of a batch, in the batch's own transaction."""
    taken.status, taken.rows_done, taken.version = ImportStatus.RUNNING.value, end, taken.version + 1
    taken.rows_created += outcome.created
    taken.rows_updated += outcome.updated
    taken.rows_unchanged += outcome.unchanged
    taken.rows_failed += outcome.failed
    ids = sorted(new_id() for _ in outcome.errors)  # so that the errors of a row stay in their order
    errors = [
        {"id": identifier, "import_id": taken.id, "row": row, "column": name, "code": error.value}
        for identifier, (row, name, error) in zip(ids, outcome.errors, strict=True)
    ]
    await insert_rows(session, (EnterpriseImportError, errors))
    await session.flush()


async def fail_import(database: Database, import_id: UUID, problem: Problem) -> None:
    """Mark an import as failed as a whole."""
    async with database.write() as session:
        taken = await _locked(session, import_id)
        _end(taken, ImportStatus.FAILED, problem.code)


def _end(taken: EnterpriseImport, status: ImportStatus, failure: str | None = None) -> None:
    """Nothing more will be read from the file: what it was is told by its hash."""
    taken.status, taken.failure, taken.finished_at = status.value, failure, utc_now()
    taken.content = b""
    taken.version += 1


async def get_import(session: AsyncSession, actor: Actor, import_id: UUID) -> EnterpriseImport:
    """One import, the actor's own or of a region where he imports; without the file. Raises NotFoundProblem."""
    wanted = (
        select(EnterpriseImport)
        .options(defer_column(EnterpriseImport.content))
        .where(
            EnterpriseImport.id == import_id,
            or_(
                EnterpriseImport.created_by == actor.user_id,
                EnterpriseImport.region_id.in_(actor.regions_for("enterprises:import")),
            ),
        )
    )
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise NotFoundProblem
    return found


async def list_imports(session: AsyncSession, actor: Actor, request: PageRequest) -> Page[EnterpriseImport]:
    """Imports of the actor's regions, newest first, without their files."""
    wanted = (
        select(EnterpriseImport)
        .options(defer_column(EnterpriseImport.content))
        .where(EnterpriseImport.region_id.in_(actor.regions_for("enterprises:import")))
        .order_by(EnterpriseImport.id.desc())
        .limit(request.limit + 1)
    )
    if request.after:
        wanted = wanted.where(EnterpriseImport.id < request.after[0])
    return Page.cut(list((await session.execute(wanted)).scalars()), request, key=lambda row: (row.id,))


async def list_errors(
    session: AsyncSession, actor: Actor, import_id: UUID, request: PageRequest
) -> Page[EnterpriseImportError]:
    """The errors of an import, by row."""
    await get_import(session, actor, import_id)
    wanted = select(EnterpriseImportError).where(EnterpriseImportError.import_id == import_id)
    if request.after:
        row, identifier = request.after
        wanted = wanted.where(
            or_(
                EnterpriseImportError.row > row,
                (EnterpriseImportError.row == row) & (EnterpriseImportError.id > identifier),
            )
        )
    wanted = wanted.order_by(EnterpriseImportError.row, EnterpriseImportError.id).limit(request.limit + 1)
    found = list((await session.execute(wanted)).scalars())
    return Page.cut(found, request, key=lambda error: (error.row, error.id))


async def _record(session: AsyncSession, actor: Actor, taken: EnterpriseImport, action: str) -> None:
    counts = {
        name: getattr(taken, name)
        for name in ("rows_total", "rows_created", "rows_updated", "rows_unchanged", "rows_failed")
    }
    await record_act(
        session,
        actor,
        action=action,
        kind="enterprise_import",
        object_id=taken.id,
        version=taken.version,
        region_id=taken.region_id,
        after={"status": taken.status, "sha256": taken.sha256, "is_dry_run": taken.is_dry_run, **counts},
        detail={"is_dry_run": taken.is_dry_run, **counts},
    )
