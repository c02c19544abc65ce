"""Projecting clocks anew when the calendar is known otherwise: by an imported notice, or by one that ships with the program."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import SHANGHAI, shanghai_today
from app.core.events import publish
from app.core.working_calendar import CountedCalendar, WorkingCalendar
from app.models.clocks import CalendarNotice, Clock, ClockEvent
from app.rules.clocks import ClockUnit, project
from app.services.clocks.events import MoveBegun
from app.services.clocks.ledger import list_ledger, period_of, project_anew, record_move, suspensions_of
from app.services.clocks.notices import YearInForce, list_years, working_calendar

REPROJECT_BATCH = 500


async def reproject_clocks(session: AsyncSession, notice: CalendarNotice) -> int:
    """Project every running clock anew that an imported notice may move, and write down what it moved; gives how many moved.

    Clocks whose days all lie before the year are not touched, nor those that count no day of rest. A clock that is counted
    backwards has its days before the start: it may end in the year before the one it passes through.
    """
    new_year = date(notice.year, 1, 1)
    begun = datetime(notice.year, 1, 1, tzinfo=SHANGHAI)
    moved = (
        (Clock.missing_year <= notice.year)
        | (Clock.due_on >= new_year)
        | (Clock.backwards & (Clock.started_at >= begun))
    )
    return await _reproject_all(session, moved, notice.id)


async def reproject_known(session: AsyncSession) -> int:
    """Project the running clocks that wait for a year which is known by now; gives how many moved.

    A new version of the program may ship the year's notice: nobody imports it then, so the ledger names none.
    """
    known = [one.year for one in await list_years(session)]
    return await _reproject_all(session, Clock.missing_year.in_(known), None)


async def _reproject_all(session: AsyncSession, which: ColumnElement[bool], notice_id: UUID | None) -> int:
    days = await working_calendar(session)
    counted = Clock.ended_on.is_(None) & ((Clock.unit == ClockUnit.WORKING_DAY) | Clock.rolls_over) & which
    await _begin_move(session, counted)
    moved, after = 0, UUID(int=0)
    while True:
        batch = select(Clock).where(counted, Clock.id > after).order_by(Clock.id).limit(REPROJECT_BATCH)
        clocks = (await session.execute(batch.with_for_update())).scalars().all()
        for clock in clocks:
            moved += await _reproject(session, clock, notice_id, days)
        if len(clocks) < REPROJECT_BATCH:
            return moved
        after = clocks[-1].id


async def _begin_move(session: AsyncSession, which: ColumnElement[bool]) -> None:
    """Let what the clocks run for be locked before they are."""
    subjects: dict[str, list[UUID]] = defaultdict(list)
    wanted = select(Clock.subject_kind, Clock.subject_id).where(which).distinct()
    for kind, subject_id in await session.execute(wanted):
        subjects[kind].append(subject_id)
    await publish(session, MoveBegun(subjects))


async def _reproject(
    session: AsyncSession, clock: Clock, notice_id: UUID | None, days: WorkingCalendar
) -> bool:
    before = (clock.due_on, clock.unknown, clock.missing_year)
    project_anew(clock, await list_ledger(session, clock.id), days)
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
