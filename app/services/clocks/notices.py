"""The working calendar: the notices that ship with the program, replaced year by year by those imported since."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from app.content.reading import content_names, read_content
from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.ids import new_id
from app.core.working_calendar import WorkingCalendar, YearNotice
from app.models.clocks import CalendarNotice, NoticeProjection
from app.schemas.clocks import NoticeRequest
from app.services.audit.service import record_act
from app.services.clocks.errors import NoticeInvalidProblem, NoticeKnownProblem

_CALENDAR = func.hashtextextended("clocks.calendar", 0)


@dataclass(frozen=True, slots=True)
class YearInForce:
    """A year's days off and make-up workdays as they hold now, and the State Council's notice that says so.

    `notice_id` None: shipped with the program. `to_be_confirmed`: nobody has compared what ships with the notice itself.
    """

    year: int
    holidays: Sequence[date]
    make_up_workdays: Sequence[date]
    title: str
    document_number: str | None
    issued_on: date | None
    source: str
    to_be_confirmed: bool
    notice_id: UUID | None

    @property
    def days(self) -> YearNotice:
        """What the calendar counts with."""
        return YearNotice(self.year, frozenset(self.holidays), frozenset(self.make_up_workdays))


@cache
def shipped_years() -> tuple[YearInForce, ...]:
    """Every year in content/calendar, the oldest first."""
    bodies = [read_content(f"calendar/{name}") for name in content_names("calendar")]
    return tuple(
        YearInForce(
            year=body["year"],
            holidays=sorted(_days(body["holidays"])),
            make_up_workdays=sorted(body["make_up_workdays"]),
            title=body["title"],
            document_number=body["document_number"],
            issued_on=date.fromisoformat(body["issued_on"]),
            source=body["source"],
            to_be_confirmed=body["to_be_confirmed"],
            notice_id=None,
        )
        for body in sorted(bodies, key=lambda body: body["year"])
    )


def shipped_notices() -> tuple[YearNotice, ...]:
    """The days of every year in content/calendar."""
    return tuple(one.days for one in shipped_years())


async def working_calendar(session: AsyncSession) -> WorkingCalendar:
    """The workdays as they are known now."""
    newest = (
        select(CalendarNotice.year, CalendarNotice.holidays, CalendarNotice.make_up_workdays)
        .ext(distinct_on(CalendarNotice.year))
        .order_by(CalendarNotice.year, CalendarNotice.number.desc())
    )
    imported = [
        YearNotice(row.year, frozenset(row.holidays), frozenset(row.make_up_workdays))
        for row in await session.execute(newest)
    ]
    return WorkingCalendar((*shipped_notices(), *imported))


async def held_calendar(session: AsyncSession) -> WorkingCalendar:
    """The same, for whoever writes by it where a clock ends: nobody imports a notice before this unit of work ends.

    So whatever was written by the calendar as it was before an import is there for the projection that follows it.
    """
    await session.execute(select(func.pg_advisory_xact_lock_shared(_CALENDAR)))
    return await working_calendar(session)


async def list_notices(session: AsyncSession) -> list[tuple[CalendarNotice, NoticeProjection]]:
    """Every imported notice, the newest of each year first, and how far clocks are projected by it."""
    wanted = (
        select(CalendarNotice, NoticeProjection)
        .join(NoticeProjection, NoticeProjection.notice_id == CalendarNotice.id)
        .order_by(CalendarNotice.year.desc(), CalendarNotice.number.desc())
    )
    return [(row[0], row[1]) for row in await session.execute(wanted)]


async def import_notice(session: AsyncSession, actor: Actor, notice: NoticeRequest) -> CalendarNotice:
    """Keep a notice; it replaces the earlier one of its year, and from now on the clocks that it may move await their projection.

    Raises NoticeInvalidProblem, NoticeKnownProblem (the same days).
    """
    holidays, workdays = sorted(set(notice.holidays)), sorted(set(notice.make_up_workdays))
    try:
        checked = YearNotice(notice.year, frozenset(holidays), frozenset(workdays))
    except ValueError as error:
        raise NoticeInvalidProblem(reason=str(error)) from error
    await session.execute(select(func.pg_advisory_xact_lock(_CALENDAR)))
    sha256 = _hash(notice.year, holidays, workdays)
    newest = (
        select(CalendarNotice.number, CalendarNotice.sha256)
        .where(CalendarNotice.year == notice.year)
        .order_by(CalendarNotice.number.desc())
        .limit(1)
    )
    before = (await session.execute(newest)).one_or_none()
    if (before.sha256 if before else _hash_of_shipped(checked.year)) == sha256:
        raise NoticeKnownProblem(year=notice.year)
    row = CalendarNotice(
        id=new_id(),
        year=notice.year,
        number=before.number + 1 if before else 1,
        holidays=holidays,
        make_up_workdays=workdays,
        title=notice.title,
        document_number=notice.document_number,
        issued_on=notice.issued_on,
        source=notice.source,
        sha256=sha256,
        imported_by=actor.user_id,
    )
    session.add(row)
    await session.flush()
    of_the_year = select(CalendarNotice.id).where(CalendarNotice.year == notice.year)
    replaced = update(NoticeProjection).where(
        NoticeProjection.notice_id.in_(of_the_year), NoticeProjection.finished_at.is_(None)
    )
    await session.execute(replaced.values(finished_at=utc_now()))
    session.add(NoticeProjection(notice_id=row.id))
    await session.flush()
    await record_act(
        session, actor, action="calendar:import", kind="calendar_notice", object_id=row.id, version=row.number,
        region_id=None, before={"sha256": before.sha256} if before else None, after={"sha256": sha256},
        detail={"year": notice.year},
    )  # fmt: skip
    return row


async def list_years(session: AsyncSession) -> list[YearInForce]:
    """Every year that is known, with the notice in force; the newest first."""
    newest = (
        select(CalendarNotice)
        .ext(distinct_on(CalendarNotice.year))
        .order_by(CalendarNotice.year, CalendarNotice.number.desc())
    )
    years = {one.year: one for one in shipped_years()}
    for row in (await session.execute(newest)).scalars():
        years[row.year] = YearInForce(
            year=row.year,
            holidays=row.holidays,
            make_up_workdays=row.make_up_workdays,
            title=row.title,
            document_number=row.document_number,
            issued_on=row.issued_on,
            source=row.source,
            to_be_confirmed=False,
            notice_id=row.id,
        )
    return [years[year] for year in sorted(years, reverse=True)]


def _hash_of_shipped(year: int) -> str | None:
    shipped = next((one for one in shipped_years() if one.year == year), None)
    return _hash(year, shipped.holidays, shipped.make_up_workdays) if shipped else None


def _hash(year: int, holidays: Sequence[date], workdays: Sequence[date]) -> str:
    text = f"{year}\n{' '.join(map(str, holidays))}\n{' '.join(map(str, workdays))}"
    return "sha-256:" + hashlib.sha256(text.encode()).hexdigest()


def _days(periods: list[list[date]]) -> frozenset[date]:
    """Every day of the periods, first and last included."""
    return frozenset(
        first + timedelta(days=step) for first, last in periods for step in range((last - first).days + 1)
    )
