"""Ordering the rectification of hazards: one document, a line and a deadline for each of them, and all of it or nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.core.working_calendar import DayKind
from app.models.hazards import Hazard
from app.models.identity import User
from app.models.orders import OrderLine, OrderOfficer, RectificationOrder
from app.rules.clocks import ClockUnit
from app.services.audit.service import record_act
from app.services.clocks.responsibility import hold_responsible
from app.services.clocks.service import end_clocks, start_clock
from app.services.hazards.errors import OrderLinesProblem, OrderOfficersProblem, OrderRefusal
from app.services.hazards.officers import CertifiedOfficer, certified_team
from app.services.hazards.service import subject_of, take_step
from app.services.hazards.workflow import TRANSITIONS
from app.services.organizations.jurisdiction import may_name
from app.services.organizations.numbering import take_number

WORD = "责改"
_UNITS = {DayKind.WORKING: ClockUnit.WORKING_DAY, DayKind.CALENDAR: ClockUnit.CALENDAR_DAY}


@dataclass(frozen=True, slots=True)
class Line:
    """What is required of one hazard, at the version its caller read, within a period that begins the day after the order's."""

    hazard_id: UUID
    version: int
    days: int
    day_kind: DayKind
    requirement: str


async def issue_order(
    session: AsyncSession, actor: Actor, officer_ids: Collection[UUID], lines: Sequence[Line]
) -> RectificationOrder:
    """Order the rectification of hazards of one authority, enterprise and site, today, by the next number of that authority.

    A later order replaces a hazard's deadline. Beyond the imported calendar a last day is not known until its year's notice is
    there. Raises NotFoundProblem where the actor sees none of the hazards, OrderLinesProblem, OrderOfficersProblem.
    """
    hazards = await _held(session, actor, lines)
    first = next((hazards[line.hazard_id] for line in lines if line.hazard_id in hazards), None)
    if first is None:
        raise NotFoundProblem
    actor.require(TRANSITIONS["order"].permission, first.region_id)
    _check_lines(lines, hazards, first)
    today = shanghai_today()
    officers = await _officers(session, actor, first.authority_id, officer_ids, today)
    await hold_responsible(session, sorted(hazards))
    due = {
        line.hazard_id: await _restart_clock(session, actor, hazards[line.hazard_id], line, today)
        for line in lines
    }
    order = RectificationOrder(
        id=new_id(),
        authority_id=first.authority_id,
        enterprise_id=first.enterprise_id,
        site_id=first.site_id,
        region_id=first.region_id,
        number=await take_number(session, first.authority_id, WORD, today.year),
        issued_on=today,
        issued_by=actor.user_id,
    )
    await _write(session, actor, order, officers, lines, due)
    for line in lines:
        last_day = due[line.hazard_id]
        detail = {"order": order.number, "due_on": last_day.isoformat() if last_day else None}
        values = {"due_on": last_day}
        hazard = hazards[line.hazard_id]
        await take_step(session, actor, hazard, "order", line.version, detail=detail, values=values)
    return order


async def _held(session: AsyncSession, actor: Actor, lines: Sequence[Line]) -> dict[UUID, Hazard]:
    """Those of the hazards that the actor sees, locked in order of id, so that two orders never wait crosswise."""
    wanted = select(Hazard).where(
        Hazard.id.in_({line.hazard_id for line in lines}),
        Hazard.region_id.in_(actor.regions_for("hazards:read")),
    )
    locked = wanted.order_by(Hazard.id).with_for_update().execution_options(populate_existing=True)
    return {row.id: row for row in (await session.execute(locked)).scalars()}


def _check_lines(lines: Sequence[Line], hazards: Mapping[UUID, Hazard], first: Hazard) -> None:
    """Raise OrderLinesProblem with every line that cannot be ordered together with the first hazard."""
    seen: set[UUID] = set()
    refused: dict[int, tuple[UUID, OrderRefusal]] = {}
    for number, line in enumerate(lines, start=1):
        reason = _refusal(line, hazards.get(line.hazard_id), first)
        if line.hazard_id in seen:
            reason = "repeated"
        if reason:
            refused[number] = (line.hazard_id, reason)
        seen.add(line.hazard_id)
    if refused:
        raise OrderLinesProblem.of(refused)


def _refusal(line: Line, hazard: Hazard | None, first: Hazard) -> OrderRefusal | None:
    """Why the line cannot be in one order with the first hazard."""
    if hazard is None:
        return "unknown"
    if hazard.authority_id != first.authority_id:
        return "other_authority"
    if hazard.enterprise_id != first.enterprise_id:
        return "other_enterprise"
    if (hazard.site_id, hazard.region_id) != (first.site_id, first.region_id):
        return "other_site"
    if hazard.merged_into_id is not None:
        return "merged"
    if hazard.status not in TRANSITIONS["order"].sources:
        return "state"
    return "version" if hazard.version != line.version else None


async def _officers(
    session: AsyncSession, actor: Actor, authority_id: UUID, user_ids: Collection[UUID], on: date
) -> list[CertifiedOfficer]:
    """Of the authority, or of one that acts in its name (行政处罚法 20); raises OrderOfficersProblem."""
    officers = await certified_team(
        session, actor, may_name(User.authority_id, authority_id, on), user_ids, on
    )
    if not officers:
        raise OrderOfficersProblem
    return officers


async def _restart_clock(
    session: AsyncSession, actor: Actor, hazard: Hazard, line: Line, on: date
) -> date | None:
    """The order's period runs instead of what ran before; its last day, if known."""
    await end_clocks(session, actor, hazard.id, ("rectification", "recheck"), on)
    clock = await start_clock(
        session,
        actor,
        subject_of(hazard, actor.user_id),
        "rectification",
        on,
        amount=line.days,
        unit=_UNITS[line.day_kind],
    )
    return clock.due_on


async def _write(
    session: AsyncSession,
    actor: Actor,
    order: RectificationOrder,
    officers: Sequence[CertifiedOfficer],
    lines: Sequence[Line],
    due: Mapping[UUID, date | None],
) -> None:
    session.add(order)
    await session.flush()
    session.add_all(OrderOfficer(order_id=order.id, **asdict(officer)) for officer in officers)
    for position, line in enumerate(lines, start=1):
        session.add(
            OrderLine(
                order_id=order.id,
                hazard_id=line.hazard_id,
                position=position,
                days=line.days,
                day_kind=line.day_kind.value,
                due_on=due[line.hazard_id],
                requirement=line.requirement,
            )
        )
    await session.flush()
    await record_act(
        session,
        actor,
        action="hazards:issue_order",
        kind="rectification_order",
        object_id=order.id,
        version=1,
        region_id=order.region_id,
        after={"number": order.number, "due": {str(one): day for one, day in due.items()}},
    )
