"""Projecting clocks anew when the calendar is known otherwise: by an imported notice, or by one that ships with the program.

Page by page, each its own unit of work, which notes how far it has come: nobody waits for a hazard longer than a page takes, and
a run that is killed is taken on behind its last page. What is not projected yet is marked (awaiting.py; ADR 0032).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import SHANGHAI, shanghai_today, utc_now
from app.core.events import publish
from app.core.working_calendar import CountedCalendar, WorkingCalendar
from app.db.session import Database
from app.models.clocks import CalendarNotice, Clock, ClockEvent, NoticeProjection
from app.rules.clocks import project
from app.services.clocks.awaiting import counts_days_of_rest, list_awaited, may_be_moved
from app.services.clocks.events import MoveBegun
from app.services.clocks.ledger import list_ledgers, period_of, project_anew, record_move, suspensions_of
from app.services.clocks.notices import YearInForce, held_calendar, list_years

PAGE = 100
"""Clocks that are projected, and whose subjects are held, in one unit of work: about a second where each of them moves."""


@dataclass(frozen=True, slots=True)
class Projected:
    """What one page did: how many clocks moved, and the last one it looked at; None: it was the last page."""

    moved: int
    last_id: UUID | None


async def project_page(session: AsyncSession, notice_id: UUID) -> bool:
    """Project the next running clocks that an imported notice may move, and write down what it moved; False: none is left.

    By the calendar as it is in force: where notices of two years wait at once, the first run moves what both move and names its
    own. Projecting a clock again changes nothing.
    """
    days = await held_calendar(session)
    progress = await session.get_one(NoticeProjection, notice_id, with_for_update=True)
    if progress.finished_at is not None:
        return False
    notice = await session.get_one(CalendarNotice, notice_id)
    done = await _project_next(session, days, may_be_moved(notice.year), progress.after_id, notice_id)
    progress.moved += done.moved
    if done.last_id is None:
        progress.finished_at = utc_now()
    else:
        progress.after_id = done.last_id
    return done.last_id is not None


async def reproject_known(database: Database) -> int:
    """Project the running clocks that wait for a year which is known by now; gives how many moved.

    A new version of the program may ship the year's notice: nobody imports it then, so the ledger names none. What waits for an
    imported one is left to its own run.
    """
    moved, after_id = 0, None
    while True:
        async with database.write() as session:
            done = await project_known(session, after_id)
        moved, after_id = moved + done.moved, done.last_id
        if after_id is None:
            return moved


async def project_known(session: AsyncSession, after_id: UUID | None) -> Projected:
    """One page of it."""
    days = await held_calendar(session)
    known = {one.year for one in await list_years(session)} - {
        one.year for one in await list_awaited(session)
    }
    which = counts_days_of_rest() & Clock.missing_year.in_(sorted(known))
    return await _project_next(session, days, which, after_id, None)


async def _project_next(
    session: AsyncSession,
    days: WorkingCalendar,
    which: ColumnElement[bool],
    after_id: UUID | None,
    notice_id: UUID | None,
) -> Projected:
    """A page of clocks behind one, in order of id; what they run for is held first."""
    wanted = select(Clock.id, Clock.subject_kind, Clock.subject_id).where(which)
    if after_id is not None:
        wanted = wanted.where(Clock.id > after_id)
    found = (await session.execute(wanted.order_by(Clock.id).limit(PAGE))).all()
    if not found:
        return Projected(0, None)
    subjects: dict[str, list[UUID]] = defaultdict(list)
    for row in found:
        subjects[row.subject_kind].append(row.subject_id)
    await publish(session, MoveBegun(subjects))
    ids = [row.id for row in found]
    held = select(Clock).where(Clock.id.in_(ids), which).order_by(Clock.id).with_for_update()
    clocks = (await session.execute(held, execution_options={"populate_existing": True})).scalars().all()
    ledgers = await list_ledgers(session, [clock.id for clock in clocks])
    moved = 0
    for clock in clocks:
        moved += await _project(session, clock, ledgers[clock.id], notice_id, days)
    return Projected(moved, ids[-1] if len(ids) == PAGE else None)


async def _project(
    session: AsyncSession,
    clock: Clock,
    ledger: Sequence[ClockEvent],
    notice_id: UUID | None,
    days: WorkingCalendar,
) -> bool:
    before = (clock.due_on, clock.unknown, clock.missing_year)
    project_anew(clock, ledger, days)
    if (clock.due_on, clock.unknown, clock.missing_year) == before:
        return False
    clock.version += 1
    await session.flush()
    await record_move(
        session, SYSTEM, clock, "reproject", shanghai_today(), due_before=before[0], notice_id=notice_id
    )
    return True


async def years_counted(
    session: AsyncSession, clock: Clock, ledger: Sequence[ClockEvent]
) -> list[YearInForce]:
    """The years, the oldest first, whose notices say when a running clock ends; none of an ended one: others may hold by now."""
    if clock.ended_on is not None:
        return []
    known = await list_years(session)
    days = CountedCalendar(one.days for one in known)
    project(period_of(clock), clock.started_at.astimezone(SHANGHAI), suspensions_of(ledger), days)
    return [one for one in reversed(known) if one.year in days.years]
