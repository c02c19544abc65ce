"""The life of a clock: started, suspended, resumed, extended, ended, reopened. One verb, one ledger row, one new end.

Nobody writes a due date: each verb appends to the ledger and lets app/rules/clocks.py project the end anew.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import SHANGHAI, shanghai_today
from app.core.events import publish
from app.core.ids import new_id
from app.db.versions import compare_and_set
from app.models.clocks import Clock, ClockEvent
from app.rules.clocks import ClockUnit, project
from app.services.clocks.content import time_limit
from app.services.clocks.errors import (
    ClockDateProblem,
    ClockExtendedByActProblem,
    ClockExtensionProblem,
    ClockGroundProblem,
    ClockStateProblem,
)
from app.services.clocks.events import MoveBegun
from app.services.clocks.ledger import (
    list_ledger,
    period_of,
    project_anew,
    record_move,
    suspensions_of,
)
from app.services.clocks.limits import rolls_over, set_period
from app.services.clocks.notices import held_calendar, working_calendar
from app.services.clocks.responsibility import Subject, brigade_of


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
        brigade_id=await brigade_of(session, subject.responsible_id, subject.authority_id),
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
    project_anew(clock, (), await held_calendar(session))
    session.add(clock)
    await session.flush()
    await record_move(session, actor, clock, "start", at.date(), due_before=None)
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
    suspensions = suspensions_of(await list_ledger(session, clock.id))
    days = await working_calendar(session)
    return project(longer, clock.started_at.astimezone(SHANGHAI), suspensions, days).due_on


async def find_running(
    session: AsyncSession, subject_id: UUID, code: str, *, for_update: bool = False
) -> Clock | None:
    """The running clock of a subject and a limit; locked, and read as it is then, when it is about to be moved."""
    running = select(Clock).where(
        Clock.subject_id == subject_id, Clock.code == code, Clock.ended_on.is_(None)
    )
    if for_update:
        running = running.with_for_update().execution_options(populate_existing=True)
    return await session.scalar(running)


def _check_extension(clock: Clock, amount: int) -> None:
    most = time_limit(clock.code, _day(clock.started_at)).extension
    if clock.amount is None or most is None or (most and clock.extended_by + amount > most):
        raise ClockExtensionProblem(most=most or 0)


async def end_clocks(
    session: AsyncSession, actor: Actor, subject_id: UUID, codes: Sequence[str], on: date
) -> None:
    """Stop the running clocks of these limits; how they stood stays. Locked in order of id, as whoever hands clocks over locks
    them, so that nobody waits crosswise."""
    if not codes:
        return
    running = select(Clock).where(
        Clock.subject_id == subject_id, Clock.code.in_(codes), Clock.ended_on.is_(None)
    )
    locked = running.order_by(Clock.id).with_for_update().execution_options(populate_existing=True)
    for clock in (await session.execute(locked)).scalars().all():
        clock.ended_on, clock.version = on, clock.version + 1
        await session.flush()
        await record_move(session, actor, clock, "end", on, due_before=clock.due_on)


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
        of_subject = (Clock.subject_id == subject_id) & (Clock.code == code)
        last = (
            select(Clock.id, Clock.responsible_id, Clock.authority_id, Clock.ended_on)
            .join(ClockEvent, ClockEvent.clock_id == Clock.id)
            .where(of_subject)
            .order_by(Clock.ended_on.is_not(None), ClockEvent.position.desc())  # one that runs comes first
            .limit(1)
        )
        found = (await session.execute(last)).one_or_none()
        if found is None or found.ended_on is None:
            continue
        answers = responsible_id or found.responsible_id
        brigade_id = await brigade_of(
            session, answers, found.authority_id
        )  # he is locked before the clock is
        locked = select(Clock).where(Clock.id == found.id).with_for_update()
        clock = (await session.execute(locked, execution_options={"populate_existing": True})).scalar_one()
        before = clock.due_on
        project_anew(clock, await list_ledger(session, clock.id), await held_calendar(session))
        clock.ended_on, clock.version = None, clock.version + 1
        clock.responsible_id, clock.brigade_id = answers, brigade_id
        await session.flush()
        await record_move(session, actor, clock, "reopen", on, due_before=before)


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
    if clock.ended_on is not None:
        raise ClockStateProblem
    ledger = await list_ledger(session, clock.id)
    steps = [event.on_date for event in ledger if event.action in ("start", "suspend", "resume")]
    if action != "extend" and not max(steps) <= on <= shanghai_today():
        raise ClockDateProblem
    before = clock.due_on
    await publish(session, MoveBegun({clock.subject_kind: [clock.subject_id]}))
    await compare_and_set(session, clock, expected, extended_by=Clock.extended_by + amount)
    event = ClockEvent(action=action, on_date=on)
    project_anew(clock, [*ledger, event], await held_calendar(session))
    await session.flush()
    await record_move(
        session, actor, clock, action, on, due_before=before, ground=ground, reason=reason, amount=amount or None
    )  # fmt: skip
    return clock


async def _suspended_since(session: AsyncSession, clock: Clock) -> date | None:
    suspensions = suspensions_of(await list_ledger(session, clock.id))
    return suspensions[-1].since if suspensions and suspensions[-1].until is None else None


def _moment(at: datetime | date) -> datetime:
    """The moment in local time; a day begins at midnight."""
    if isinstance(at, datetime):
        return at.astimezone(SHANGHAI)
    return datetime(at.year, at.month, at.day, tzinfo=SHANGHAI)


def _day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()
