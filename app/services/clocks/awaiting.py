"""Which clocks may end otherwise by a notice that was imported, and await their projection by it: said beside each of them.

A clock shows the day of a calendar that is in force, or is marked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import SHANGHAI
from app.models.clocks import CalendarNotice, Clock, NoticeProjection
from app.rules.clocks import ClockUnit


@dataclass(frozen=True, slots=True)
class Awaited:
    """A notice of a year whose projection has not come further than this clock; None: has not begun."""

    year: int
    after_id: UUID | None


async def list_awaited(session: AsyncSession) -> list[Awaited]:
    """What clocks are to be projected by, or are at this moment: most days nothing."""
    wanted = (
        select(CalendarNotice.year, NoticeProjection.after_id)
        .join(NoticeProjection, NoticeProjection.notice_id == CalendarNotice.id)
        .where(NoticeProjection.finished_at.is_(None))
    )
    return [Awaited(row[0], row[1]) for row in await session.execute(wanted)]


def may_be_moved(year: int) -> ColumnElement[bool]:
    """Of a Clock: that it runs and may end otherwise by another notice of that year.

    Clocks whose days all lie before the year are not among them, nor those that count no day of rest. A clock that is counted
    backwards has its days before the start: it may end in the year before the one it passes through.
    """
    begun = datetime(year, 1, 1, tzinfo=SHANGHAI)
    reaches = or_(
        Clock.missing_year <= year,
        Clock.due_on >= begun.date(),
        Clock.backwards & (Clock.started_at >= begun),
    )
    return counts_days_of_rest() & reaches


def counts_days_of_rest() -> ColumnElement[bool]:
    """Of a Clock: that it runs, and when it ends depends on notices."""
    return Clock.ended_on.is_(None) & or_(Clock.unit == ClockUnit.WORKING_DAY, Clock.rolls_over)


def is_awaiting(clock: Clock, awaited: Iterable[Awaited]) -> bool:
    """It may end otherwise by a notice and has not been projected by it yet; the same in Python."""
    if clock.ended_on is not None or not (clock.unit == ClockUnit.WORKING_DAY or clock.rolls_over):
        return False
    return any(
        (one.after_id is None or clock.id > one.after_id) and _reaches(clock, one.year) for one in awaited
    )


def _reaches(clock: Clock, year: int) -> bool:
    return (
        (clock.missing_year is not None and clock.missing_year <= year)
        or (clock.due_on is not None and clock.due_on >= date(year, 1, 1))
        or (clock.backwards and clock.started_at.astimezone(SHANGHAI).year >= year)
    )
