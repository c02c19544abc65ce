"""The life of a clock: started, suspended, resumed, extended, ended, reopened, projected again. One verb, one ledger row, one
new end.

Nobody writes a due date: each verb appends to the ledger and lets app/rules/clocks.py project the end anew.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM, Actor
from app.core.clock import SHANGHAI, shanghai_today
from app.core.events import publish
from app.core.ids import new_id
from app.core.working_calendar import CountedCalendar, WorkingCalendar
from app.db.rows import insert_rows
from app.models.clocks import CalendarNotice, Clock, ClockEvent
from app.models.identity import User
from app.rules.clocks import ClockUnit, Period, Projection, Suspension, project
from app.services.audit.service import Act, rows_of_acts
from app.services.clocks.content import time_limit
from app.services.clocks.errors import (
    ClockDateProblem,
    ClockExtendedByActProblem,
    ClockExtensionProblem,
    ClockGroundProblem,
    ClockOfTeamProblem,
    ClockPersonProblem,
    ClockStateProblem,
)
from app.services.clocks.events import ClockMoved, MoveBegun
from app.services.clocks.limits import rolls_over, set_period
from app.services.clocks.notices import YearInForce, list_years, working_calendar
from app.services.organizations.jurisdiction import may_name

REPROJECT_BATCH = 500


@dataclass(frozen=True, slots=True)
class Subject:
    """What a clock runs for, and who answers for it; the unit is his."""

    kind: str
    id: UUID
    authority_id: UUID
    region_id: UUID
    responsible_id: UUID | None = None


async def start_clock(
    session: AsyncSession,
    actor: Actor,
    subject: Subject,
    code: str,
    started_at: datetime | date,
    *,
    amount: int | None = None,
    unit: ClockUnit | None = None,
) -> Clock:
    """Let a limit run from a day or moment, as the law and the authority's own rules have it on that day.

    `amount` and `unit` are of the document that states the period (set_by document, or shorter than the longest there is).
    A subject has one running clock per limit.
    """
    at = _moment(started_at)
    limit = time_limit(code, at.date())
    period = await set_period(session, subject.authority_id, limit, at.date(), amount, unit)
    clock = Clock(
        id=new_id(),
        code=code,
        subject_kind=subject.kind,
        subject_id=subject.id,
        authority_id=subject.authority_id,
        region_id=subject.region_id,
        brigade_id=await _brigade_of(session, subject.responsible_id, subject.authority_id),
        responsible_id=subject.responsible_id,
        started_at=at,
        amount=period.amount,
        extended_by=0,
        unit=period.unit,
        rolls_over=await rolls_over(session, subject.authority_id, limit, period.unit, at.date()),
        backwards=limit.backwards,
        clear=limit.clear,
        meaning=limit.meaning,
        basis=period.basis,
        to_be_confirmed=period.to_be_confirmed,
    )
    _write(clock, project(period_of(clock), at, (), await working_calendar(session)))
    session.add(clock)
    await session.flush()
    await _record(session, actor, clock, "start", at.date(), due_before=None)
    return clock


async def suspend_clock(
    session: AsyncSession, actor: Actor, clock: Clock, expected: int, on: date, ground: str, reason: str
) -> Clock:
    """Let the clock stand still from a day on; that day does not count. Raises ClockGroundProblem, ClockStateProblem,
    ClockDateProblem."""
    actor.require("clocks:suspend", clock.region_id)
    limit = time_limit(clock.code, _day(clock.started_at))
    allowed = [one.ground for one in limit.suspended_by]
    if ground not in allowed:
        raise ClockGroundProblem(allowed="、".join(allowed) or "—")
    if await _suspended_since(session, clock) is not None:
        raise ClockStateProblem
    return await _step(session, actor, clock, expected, "suspend", on, ground=ground, reason=reason)


async def resume_clock(
    session: AsyncSession, actor: Actor, clock: Clock, expected: int, on: date, reason: str
) -> Clock:
    """Let it run on: the day counts again. Raises ClockStateProblem, ClockDateProblem."""
    actor.require("clocks:suspend", clock.region_id)
    if await _suspended_since(session, clock) is None:
        raise ClockStateProblem
    return await _step(session, actor, clock, expected, "resume", on, reason=reason)


async def extend_clock(
    session: AsyncSession, actor: Actor, clock: Clock, expected: int, amount: int, reason: str
) -> Clock:
    """Add what was approved, in the clock's own unit. Raises ClockExtensionProblem, ClockStateProblem."""
    actor.require("clocks:extend", clock.region_id)
    _check_extension(clock, amount)
    today = shanghai_today()
    return await _step(session, actor, clock, expected, "extend", today, reason=reason, amount=amount)


async def extend_alone(
    session: AsyncSession, actor: Actor, clock: Clock, expected: int, amount: int, reason: str
) -> Clock:
    """The same at the clock's own door, where nobody has proposed it. Raises ClockExtendedByActProblem too."""
    if time_limit(clock.code, _day(clock.started_at)).extended_by_act:
        raise ClockExtendedByActProblem
    return await extend_clock(session, actor, clock, expected, amount, reason)


async def end_if_extended(session: AsyncSession, clock: Clock, amount: int) -> date | None:
    """The day the clock would end with so much more; None: not known. Nothing is written. Raises ClockExtensionProblem."""
    _check_extension(clock, amount)
    longer = replace(period_of(clock), amount=(clock.amount or 0) + clock.extended_by + amount)
    suspensions = suspensions_of(await _ledger(session, clock))
    days = await working_calendar(session)
    return project(longer, clock.started_at.astimezone(SHANGHAI), suspensions, days).due_on


async def find_running(
    session: AsyncSession, subject_id: UUID, code: str, *, for_update: bool = False
) -> Clock | None:
    """The running clock of a subject and a limit; locked when it is about to be moved."""
    running = select(Clock).where(
        Clock.subject_id == subject_id, Clock.code == code, Clock.ended_on.is_(None)
    )
    return await session.scalar(running.with_for_update() if for_update else running)


def _check_extension(clock: Clock, amount: int) -> None:
    most = time_limit(clock.code, _day(clock.started_at)).extension
    if clock.amount is None or most is None or (most and clock.extended_by + amount > most):
        raise ClockExtensionProblem(most=most or 0)


async def end_clocks(
    session: AsyncSession, actor: Actor, subject_id: UUID, codes: Sequence[str], on: date
) -> None:
    """Stop the running clocks of these limits; how they stood stays."""
    if not codes:
        return
    running = select(Clock).where(
        Clock.subject_id == subject_id, Clock.code.in_(codes), Clock.ended_on.is_(None)
    )
    for clock in (await session.execute(running.with_for_update())).scalars():
        clock.ended_on, clock.version = on, clock.version + 1
        await session.flush()
        await _record(session, actor, clock, "end", on, due_before=clock.due_on)


async def hand_over(
    session: AsyncSession, actor: Actor, clock: Clock, expected: int, responsible_id: UUID, reason: str
) -> Clock:
    """Let another one answer for a running clock from today on: in service of its authority, or of one it has entrusted.

    Those of a case go together, with its team. Raises ClockOfTeamProblem, ClockPersonProblem, ClockStateProblem.
    """
    actor.require("clocks:hand_over", clock.region_id)
    if clock.subject_kind == "case":
        raise ClockOfTeamProblem(case_id=str(clock.subject_id))
    today = shanghai_today()
    user = await session.get(User, responsible_id, with_for_update={"read": True})
    if user is None or not user.is_active:
        raise ClockPersonProblem
    if not await session.scalar(select(may_name(user.authority_id, clock.authority_id, today))):
        raise ClockPersonProblem
    values = {"responsible_id": responsible_id, "brigade_id": user.brigade_id}
    await _compare_and_set(session, clock, expected, **values)
    await _record(session, actor, clock, "hand_over", today, due_before=clock.due_on, reason=reason)
    return clock


async def reopen_clocks(
    session: AsyncSession,
    actor: Actor,
    subject_id: UUID,
    codes: Sequence[str],
    on: date,
    responsible_id: UUID | None,
) -> None:
    """Let the last clock of each of these limits run on, to the end it had: the act that had ended it did not hold. Nothing where
    one runs.

    `responsible_id`: who has come to answer for the subject meanwhile; None: whoever did when it ended.
    """
    for code in codes:
        if await find_running(session, subject_id, code) is not None:
            continue
        last = select(Clock).where(Clock.subject_id == subject_id, Clock.code == code)
        clock = await session.scalar(last.order_by(Clock.id.desc()).limit(1).with_for_update())
        if clock is None:
            continue
        before, suspensions = clock.due_on, suspensions_of(await _ledger(session, clock))
        days = await working_calendar(session)
        _write(clock, project(period_of(clock), clock.started_at.astimezone(SHANGHAI), suspensions, days))
        clock.ended_on, clock.version = None, clock.version + 1
        clock.responsible_id = responsible_id or clock.responsible_id
        clock.brigade_id = await _brigade_of(session, clock.responsible_id, clock.authority_id)
        await session.flush()
        await _record(session, actor, clock, "reopen", on, due_before=before)


async def hand_over_clocks(session: AsyncSession, actor: Actor, subject: Subject) -> None:
    """Whoever answers for a subject from today on answers for its running clocks, and his unit; when they end stays as it is."""
    brigade_id = await _brigade_of(session, subject.responsible_id, subject.authority_id)
    which = (Clock.subject_id == subject.id) & Clock.responsible_id.is_distinct_from(subject.responsible_id)
    await _give(session, actor, which, subject.responsible_id, brigade_id)


async def move_to_brigade(
    session: AsyncSession, actor: Actor, responsible_id: UUID, authority_id: UUID, brigade_id: UUID | None
) -> None:
    """Whoever answers for clocks has another unit: the running ones go with him.

    Those of an authority in whose name his own may not act stay with the unit they were with: no other authority's gets them.
    """
    which = (
        (Clock.responsible_id == responsible_id)
        & Clock.brigade_id.is_distinct_from(brigade_id)
        & may_name(authority_id, Clock.authority_id, shanghai_today())
    )
    await _give(session, actor, which, responsible_id, brigade_id)


async def _give(
    session: AsyncSession,
    actor: Actor,
    which: ColumnElement[bool],
    responsible_id: UUID | None,
    brigade_id: UUID | None,
) -> None:
    """Hand running clocks over: one statement for them, in order of id, and one for ledger, audit and changes."""
    running = select(Clock.id).where(which, Clock.ended_on.is_(None)).order_by(Clock.id).correlate(None)
    given = (
        update(Clock)
        .where(Clock.id.in_(running.with_for_update()))
        .values(responsible_id=responsible_id, brigade_id=brigade_id, version=Clock.version + 1)
        .returning(Clock)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    clocks = (await session.execute(given)).scalars().all()
    rows = [
        {
            "id": new_id(),
            "clock_id": clock.id,
            "action": "hand_over",
            "on_date": shanghai_today(),
            "due_before": clock.due_on,
            "due_after": clock.due_on,
            "responsible_id": responsible_id,
            "user_id": actor.user_id,
        }
        for clock in clocks
    ]
    acts = [_act(clock, "hand_over", clock.due_on) for clock in clocks]
    await insert_rows(session, (ClockEvent, rows), *rows_of_acts(actor, acts))


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
    suspensions = suspensions_of(await _ledger(session, clock))
    _write(clock, project(period_of(clock), clock.started_at.astimezone(SHANGHAI), suspensions, days))
    if (clock.due_on, clock.unknown, clock.missing_year) == before:
        return False
    clock.version += 1
    await session.flush()
    await _record(
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


def period_of(clock: Clock) -> Period:
    """The clock's period with what it was extended by."""
    amount = None if clock.amount is None else clock.amount + clock.extended_by
    return Period(amount, ClockUnit(clock.unit), clock.rolls_over, clock.backwards, clock.clear)


def suspensions_of(ledger: Sequence[ClockEvent]) -> list[Suspension]:
    """The pairs of suspend and resume, in the order they were written."""
    found: list[Suspension] = []
    for event in ledger:
        if event.action == "suspend":
            found.append(Suspension(event.on_date, None))
        elif event.action == "resume":
            found[-1] = Suspension(found[-1].since, event.on_date)
    return found


async def _step(
    session: AsyncSession,
    actor: Actor,
    clock: Clock,
    expected: int,
    action: str,
    on: date,
    *,
    reason: str,
    ground: str | None = None,
    amount: int = 0,
) -> Clock:
    """Append to the ledger and project anew, if the clock still runs and is the one that was read (compare and set)."""
    ledger = await _ledger(session, clock)
    steps = [event.on_date for event in ledger if event.action in ("start", "suspend", "resume")]
    if action != "extend" and not max(steps) <= on <= shanghai_today():
        raise ClockDateProblem
    before = clock.due_on
    await publish(session, MoveBegun({clock.subject_kind: [clock.subject_id]}))
    await _compare_and_set(session, clock, expected, extended_by=Clock.extended_by + amount)
    event = ClockEvent(action=action, on_date=on)
    suspensions = suspensions_of([*ledger, event])
    days = await working_calendar(session)
    _write(clock, project(period_of(clock), clock.started_at.astimezone(SHANGHAI), suspensions, days))
    await session.flush()
    await _record(
        session, actor, clock, action, on, due_before=before, ground=ground, reason=reason, amount=amount or None
    )  # fmt: skip
    return clock


async def _compare_and_set(session: AsyncSession, clock: Clock, expected: int, **values: Any) -> None:
    """A new version, if the clock still runs and is the one that was read; else ClockStateProblem."""
    taken = (
        update(Clock)
        .where(Clock.id == clock.id, Clock.version == expected, Clock.ended_on.is_(None))
        .values(version=expected + 1, **values)
        .returning(Clock.id)
        .execution_options(synchronize_session=False)
    )
    if (await session.execute(taken)).scalar_one_or_none() is None:
        raise ClockStateProblem
    await session.refresh(clock)


async def _record(
    session: AsyncSession,
    actor: Actor,
    clock: Clock,
    action: str,
    on: date,
    *,
    due_before: date | None,
    ground: str | None = None,
    reason: str | None = None,
    amount: int | None = None,
    notice_id: UUID | None = None,
) -> None:
    """The ledger row with the end before and after, and the audit and change rows beside it."""
    session.add(
        ClockEvent(
            id=new_id(),
            clock_id=clock.id,
            action=action,
            on_date=on,
            ground=ground,
            reason=reason,
            amount=amount,
            notice_id=notice_id,
            due_before=due_before,
            due_after=clock.due_on,
            responsible_id=clock.responsible_id if action in ("start", "reopen", "hand_over") else None,
            user_id=actor.user_id,
        )
    )
    await session.flush()
    if due_before != clock.due_on and action not in ("start", "end"):
        await publish(session, ClockMoved(clock.subject_kind, clock.subject_id, clock.code, clock.due_on))
    await insert_rows(session, *rows_of_acts(actor, [_act(clock, action, due_before)]))


def _act(clock: Clock, action: str, due_before: date | None) -> Act:
    return Act(
        f"clocks:{action}",
        "clock",
        clock.id,
        clock.version,
        clock.region_id,
        before={"due_on": due_before},
        after={"due_on": clock.due_on},
        detail={"code": clock.code, "subject": str(clock.subject_id)},
    )


async def _ledger(session: AsyncSession, clock: Clock) -> Sequence[ClockEvent]:
    wanted = select(ClockEvent).where(ClockEvent.clock_id == clock.id).order_by(ClockEvent.id)
    return (await session.execute(wanted)).scalars().all()


async def _suspended_since(session: AsyncSession, clock: Clock) -> date | None:
    suspensions = suspensions_of(await _ledger(session, clock))
    return suspensions[-1].since if suspensions and suspensions[-1].until is None else None


async def _brigade_of(session: AsyncSession, user_id: UUID | None, authority_id: UUID) -> UUID | None:
    """The unit of whoever answers for a clock of the authority; None: in none, or in one of an authority that may not have it.

    He changes his unit before this transaction or after it, and then the clock goes with him.
    """
    if user_id is None:
        return None
    unit = select(User.brigade_id).where(
        User.id == user_id, may_name(User.authority_id, authority_id, shanghai_today())
    )
    return await session.scalar(unit.with_for_update(read=True, of=User))


def _write(clock: Clock, end: Projection) -> None:
    clock.due_on, clock.due_at = end.due_on, end.due_at
    clock.unknown = end.unknown.value if end.unknown else None
    clock.missing_year = end.missing_year


def _moment(at: datetime | date) -> datetime:
    """The moment in local time; a day begins at midnight."""
    if isinstance(at, datetime):
        return at.astimezone(SHANGHAI)
    return datetime(at.year, at.month, at.day, tzinfo=SHANGHAI)


def _day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()
