"""What an authority sets itself, with its source and from a day on: numbers the law leaves open, and whose last day rolls over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.models.clocks import AuthorityLimit, RollOverRule
from app.models.organizations import Authority
from app.rules.clocks import ClockUnit
from app.schemas.clocks import LimitRequest
from app.services.audit.service import record_act
from app.services.clocks.content import TimeLimit, time_limits
from app.services.clocks.errors import LimitFixedProblem, LimitSetProblem

RollsOver = Literal["nobody", "party", "everybody"]
ROLLS_OVER_UNLESS_SET: RollsOver = "party"
"""To be confirmed: Penalty and Coercion Law are silent; practice applies Civil Procedure Law 85 in the party's favour."""


@dataclass(frozen=True, slots=True)
class SetPeriod:
    """The number that holds for one clock, and its source."""

    amount: int | None
    unit: ClockUnit
    basis: str
    to_be_confirmed: bool


async def set_period(
    session: AsyncSession,
    authority_id: UUID,
    limit: TimeLimit,
    on: date,
    amount: int | None,
    unit: ClockUnit | None,
) -> SetPeriod:
    """The number in force on a day: of the law, of the document, or of the authority; None where nobody has set one."""
    if limit.set_by == "document" and amount is not None:
        return SetPeriod(
            amount, unit or limit.unit or ClockUnit.CALENDAR_DAY, limit.basis.zh, to_be_confirmed=False
        )
    if limit.is_longest and amount is not None:
        shorter = min(amount, limit.amount or amount)
        return SetPeriod(shorter, limit.unit or ClockUnit.CALENDAR_DAY, limit.basis.zh, limit.to_be_confirmed)
    if limit.set_by == "authority":
        wanted = (
            select(AuthorityLimit)
            .where(
                AuthorityLimit.authority_id == authority_id,
                AuthorityLimit.code == limit.code,
                AuthorityLimit.in_force_from <= on,
            )
            .order_by(AuthorityLimit.in_force_from.desc())
            .limit(1)
        )
        own = await session.scalar(wanted)
        if own is not None:
            return SetPeriod(own.amount, ClockUnit(own.unit), own.basis, to_be_confirmed=False)
    return SetPeriod(
        limit.amount, limit.unit or ClockUnit.CALENDAR_DAY, limit.basis.zh, limit.to_be_confirmed
    )


async def rolls_over(
    session: AsyncSession, authority_id: UUID, limit: TimeLimit, unit: ClockUnit, on: date
) -> bool:
    """Whether a last day on a day of rest moves on: fixed for the clock when it starts."""
    never = unit in (ClockUnit.WORKING_DAY, ClockUnit.HOUR) or limit.backwards or limit.meaning != "deadline"
    if never or limit.set_by == "document":  # a document names its last day
        return False
    wanted = (
        select(RollOverRule.applies_to)
        .where(RollOverRule.authority_id == authority_id, RollOverRule.in_force_from <= on)
        .order_by(RollOverRule.in_force_from.desc())
        .limit(1)
    )
    applies_to = await session.scalar(wanted) or ROLLS_OVER_UNLESS_SET
    return applies_to == "everybody" or (applies_to == "party" and limit.whose == "party")


async def set_limit(session: AsyncSession, actor: Actor, setting: LimitRequest) -> AuthorityLimit:
    """Set an authority's own number for a limit the law leaves open; clocks started before keep what they have.

    Raises NotFoundProblem, LimitFixedProblem, LimitSetProblem.
    """
    authority = await _configurable(session, actor, setting.authority_id)
    if not any(one.code == setting.code and one.set_by == "authority" for one in time_limits()):
        raise LimitFixedProblem
    values = {
        "id": new_id(),
        "authority_id": setting.authority_id,
        "code": setting.code,
        "amount": setting.amount,
        "unit": setting.unit,
        "basis": setting.basis,
        "in_force_from": setting.in_force_from,
        "set_by": actor.user_id,
    }
    new = insert(AuthorityLimit).values(values).on_conflict_do_nothing().returning(AuthorityLimit)
    row = (await session.execute(new)).scalar_one_or_none()
    if row is None:
        raise LimitSetProblem
    after = {"code": row.code, "amount": row.amount, "unit": row.unit, "in_force_from": row.in_force_from}
    await record_act(
        session, actor, action="clocks:configure", kind="authority_limit", object_id=row.id, version=1,
        region_id=authority.region_id, after=after,
    )  # fmt: skip
    return row


async def set_roll_over(
    session: AsyncSession, actor: Actor, authority_id: UUID, applies_to: RollsOver, basis: str, from_day: date
) -> RollOverRule:
    """Decide for an authority whose periods roll over; clocks started before keep what they have.

    Raises NotFoundProblem, LimitSetProblem.
    """
    authority = await _configurable(session, actor, authority_id)
    values = {
        "id": new_id(),
        "authority_id": authority_id,
        "applies_to": applies_to,
        "basis": basis,
        "in_force_from": from_day,
        "set_by": actor.user_id,
    }
    new = insert(RollOverRule).values(values).on_conflict_do_nothing().returning(RollOverRule)
    row = (await session.execute(new)).scalar_one_or_none()
    if row is None:
        raise LimitSetProblem
    await record_act(
        session, actor, action="clocks:configure", kind="roll_over_rule", object_id=row.id, version=1,
        region_id=authority.region_id, after={"applies_to": applies_to, "in_force_from": from_day},
    )  # fmt: skip
    return row


async def list_limits(session: AsyncSession, actor: Actor) -> Sequence[AuthorityLimit]:
    """What the actor's own authority and those of his regions have set, newest in force first."""
    wanted = (
        select(AuthorityLimit)
        .join(Authority, Authority.id == AuthorityLimit.authority_id)
        .where(_readable(actor))
        .order_by(AuthorityLimit.code, AuthorityLimit.in_force_from.desc())
    )
    return (await session.scalars(wanted)).all()


async def list_roll_over_rules(session: AsyncSession, actor: Actor) -> Sequence[RollOverRule]:
    """What the actor's own authority and those of his regions have decided, newest in force first."""
    wanted = (
        select(RollOverRule)
        .join(Authority, Authority.id == RollOverRule.authority_id)
        .where(_readable(actor))
        .order_by(RollOverRule.authority_id, RollOverRule.in_force_from.desc())
    )
    return (await session.scalars(wanted)).all()


def _readable(actor: Actor) -> ColumnElement[bool]:
    regions = actor.regions_for("clocks:read") | actor.regions_for("clocks:configure")
    return or_(Authority.region_id.in_(regions), Authority.id == actor.authority_id)


async def _configurable(session: AsyncSession, actor: Actor, authority_id: UUID) -> Authority:
    authority = await session.get(Authority, authority_id)
    if authority is None or authority.region_id not in actor.regions_for("clocks:configure"):
        raise NotFoundProblem
    return authority
