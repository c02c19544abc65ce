"""The area's SQL of the processing unit: what is known of a visit, in as few round trips as there can be."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import utc_now
from app.models.determinations import FactSheetRecord, VerdictRecord
from app.models.enterprises import Enterprise
from app.services.determinations.facts import Sheet
from app.services.determinations.statements import DECIDED, Standing, about

VISIT_LOCK = 41
"""The seed of the advisory locks on visits: what is known of one visit is judged in single file."""

_SHEET = (
    FactSheetRecord.id,
    FactSheetRecord.package_id,
    FactSheetRecord.unit_id,
    FactSheetRecord.visit_id,
    FactSheetRecord.legal_on,
    FactSheetRecord.trades,
    FactSheetRecord.facts,
    FactSheetRecord.findings,
)


async def find_trades(session: AsyncSession, enterprise_id: UUID, *lock_visits: UUID) -> list[str]:
    """The enterprise's regulated trades, locking the visits until the transaction ends in the same round trip.

    Visits are locked in order of id, so that two corrections that move between the same visits never wait crosswise.
    """
    wanted: list[ColumnElement[Any]] = [Enterprise.regulated_trades.expression]
    for visit_id in sorted(set(lock_visits)):
        key = func.hashtextextended(literal(str(visit_id)), literal(VISIT_LOCK))
        wanted.append(func.pg_advisory_xact_lock(key))
    row = (await session.execute(select(*wanted).where(Enterprise.id == enterprise_id))).one()
    return list(row[0])


async def list_sheets(
    session: AsyncSession, visit_id: UUID, supersedes_id: UUID | None
) -> list[tuple[UUID, Sheet]]:
    """(visit, sheet) of every sheet of the visit that stands, and of the superseded package wherever it is; oldest first."""
    standing = FactSheetRecord.visit_id == visit_id
    if supersedes_id is not None:
        standing = or_(standing, FactSheetRecord.package_id == supersedes_id)
    rows = await session.execute(
        select(*_SHEET).where(standing, ~FactSheetRecord.is_superseded).order_by(FactSheetRecord.id)
    )
    return [(row[3], Sheet(row[0], row[1], row[2], *row[4:])) for row in rows]


async def list_standing(session: AsyncSession, visit_id: UUID) -> list[Standing]:
    """The current verdicts of a visit, oldest first."""
    columns = (
        VerdictRecord.id, VerdictRecord.status, VerdictRecord.kind, VerdictRecord.clause_id, VerdictRecord.subject_kind,
        VerdictRecord.subject_id, VerdictRecord.source, VerdictRecord.explanation, VerdictRecord.missing,
        VerdictRecord.mapped_clause,
    )  # fmt: skip
    wanted = select(*columns).where(VerdictRecord.visit_id == visit_id, VerdictRecord.is_current)
    return [
        Standing(row[0], row[1], row[2], about(*row[3:7]), row[7], row[8], row[9])
        for row in await session.execute(wanted.order_by(VerdictRecord.id))
    ]


async def supersede_sheet(session: AsyncSession, sheet_id: UUID) -> None:
    """A correction came: this sheet no longer speaks."""
    await session.execute(
        update(FactSheetRecord).where(FactSheetRecord.id == sheet_id).values(is_superseded=True),
        execution_options={"synchronize_session": False},
    )


async def outdate_verdicts(session: AsyncSession, verdict_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Make verdicts no longer current; gives their new versions.

    One that people decide at this very moment stays: the update waits for them and looks again.
    """
    changed = (
        update(VerdictRecord)
        .where(VerdictRecord.id.in_(verdict_ids), VerdictRecord.status.not_in(DECIDED))
        .values(is_current=False, version=VerdictRecord.version + 1, updated_at=utc_now())
        .returning(VerdictRecord.id, VerdictRecord.version)
    )
    rows = await session.execute(changed, execution_options={"synchronize_session": False})
    return {row[0]: row[1] for row in rows}
