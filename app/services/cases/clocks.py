"""The clocks of a case: started and ended by its steps, due by day type, never guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.core.working_calendar import DayKind
from app.models.cases import AuthorityLimit, Case, CaseClock
from app.models.organizations import Authority
from app.schemas.cases import ClockView, LimitRequest, Unknown
from app.services.audit.service import record_act
from app.services.cases.content import time_limit, time_limits
from app.services.cases.errors import LimitFixedProblem, LimitSetProblem
from app.services.hazards.calendar import working_calendar


@dataclass(frozen=True, slots=True)
class _Period:
    days: int | None
    day_kind: str | None
    basis: str
    to_be_confirmed: bool


async def start_clock(session: AsyncSession, case: Case, code: str, started_on: date) -> None:
    """Let a limit run from a day, with the number and the rule in force on that day."""
    period = await _period(session, case.authority_id, code, started_on)
    session.add(
        CaseClock(
            id=new_id(),
            case_id=case.id,
            code=code,
            started_on=started_on,
            days=period.days,
            day_kind=period.day_kind,
            due_on=_due_on(started_on, period.days, period.day_kind),
            basis=period.basis,
            to_be_confirmed=period.to_be_confirmed,
        )
    )


async def end_clocks(session: AsyncSession, case_id: UUID, codes: Sequence[str], ended_on: date) -> None:
    """Stop the running clocks of these limits."""
    if codes:
        running = (CaseClock.case_id == case_id, CaseClock.code.in_(codes), CaseClock.ended_on.is_(None))
        await session.execute(update(CaseClock).where(*running).values(ended_on=ended_on))


async def find_deadlines(session: AsyncSession) -> int:
    """Give running clocks their end where the calendar has become known since; returns how many."""
    waiting = select(CaseClock).where(
        CaseClock.ended_on.is_(None), CaseClock.due_on.is_(None), CaseClock.days.is_not(None)
    )
    found = 0
    for clock in (await session.scalars(waiting)).all():
        clock.due_on = _due_on(clock.started_on, clock.days, clock.day_kind)
        found += clock.due_on is not None
    await session.flush()
    return found


def show_clock(clock: CaseClock, today: date) -> ClockView:
    """A clock on a day: overdue from the day after its end, not known without one."""
    due_on = clock.due_on or _due_on(clock.started_on, clock.days, clock.day_kind)
    limit = time_limit(clock.code, clock.started_on)
    return ClockView(
        code=clock.code,
        title_zh=limit.title.zh,
        title_en=limit.title.en,
        started_on=clock.started_on,
        days=clock.days,
        day_kind=clock.day_kind,
        due_on=due_on,
        ended_on=clock.ended_on,
        is_overdue=None if due_on is None else (clock.ended_on or today) > due_on,
        unknown_because=_unknown_because(clock, due_on),
        basis=clock.basis,
        to_be_confirmed=clock.to_be_confirmed,
    )


async def set_limit(session: AsyncSession, actor: Actor, request: LimitRequest) -> AuthorityLimit:
    """Set an authority's own number for a limit the law leaves open; cases opened before keep what they have."""
    authority = await session.get(Authority, request.authority_id)
    if authority is None or authority.region_id not in actor.regions_for("cases:configure"):
        raise NotFoundProblem
    if not any(one.code == request.code and one.authority_may_set for one in time_limits()):
        raise LimitFixedProblem
    same_day = (
        AuthorityLimit.authority_id == request.authority_id,
        AuthorityLimit.code == request.code,
        AuthorityLimit.in_force_from == request.in_force_from,
    )
    if await session.scalar(select(AuthorityLimit.id).where(*same_day)):
        raise LimitSetProblem
    limit = AuthorityLimit(id=new_id(), set_by=actor.user_id, **request.model_dump())
    session.add(limit)
    await session.flush()
    await record_act(
        session,
        actor,
        action="cases:configure",
        kind="authority_limit",
        object_id=limit.id,
        version=1,
        region_id=authority.region_id,
        after=request.model_dump(mode="json"),
    )
    return limit


async def list_limits(session: AsyncSession, actor: Actor) -> list[AuthorityLimit]:
    """What the actor's own authority and those of his regions have set, newest in force first."""
    regions = actor.regions_for("cases:read") | actor.regions_for("cases:configure")
    wanted = (
        select(AuthorityLimit)
        .join(Authority, Authority.id == AuthorityLimit.authority_id)
        .where(or_(Authority.region_id.in_(regions), Authority.id == actor.authority_id))
        .order_by(AuthorityLimit.code, AuthorityLimit.in_force_from.desc())
    )
    return list((await session.scalars(wanted)).all())


async def _period(session: AsyncSession, authority_id: UUID, code: str, on: date) -> _Period:
    limit = time_limit(code, on)
    if limit.authority_may_set:
        wanted = (
            select(AuthorityLimit)
            .where(
                AuthorityLimit.authority_id == authority_id,
                AuthorityLimit.code == code,
                AuthorityLimit.in_force_from <= on,
            )
            .order_by(AuthorityLimit.in_force_from.desc())
            .limit(1)
        )
        own = await session.scalar(wanted)
        if own is not None:
            return _Period(own.days, own.day_kind, own.basis, to_be_confirmed=False)
    return _Period(limit.days, limit.day_kind, limit.basis.zh, limit.to_be_confirmed)


def _due_on(started_on: date, days: int | None, day_kind: str | None) -> date | None:
    if days is None or day_kind is None:
        return None
    return working_calendar().deadline(started_on, days, DayKind(day_kind)).due_on


def _unknown_because(clock: CaseClock, due_on: date | None) -> Unknown | None:
    if due_on is not None:
        return None
    return "no_number_set" if clock.days is None else "calendar_not_imported"
