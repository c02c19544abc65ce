"""What happens to registered hazards: ordered, rectified, re-inspected, closed. One verb, one step."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.core.working_calendar import DayKind
from app.models.hazards import Hazard, HazardStep, RectificationOrder
from app.services.audit.service import record_act
from app.services.hazards.calendar import working_calendar
from app.services.hazards.errors import CalendarUnknownProblem, HazardStateProblem, ReinspectionProblem
from app.services.hazards.workflow import TRANSITIONS
from app.services.organizations.numbering import take_number


async def get_hazard(session: AsyncSession, actor: Actor, hazard_id: UUID) -> Hazard:
    """One hazard of the actor's regions; raises NotFoundProblem."""
    wanted = select(Hazard).where(
        Hazard.id == hazard_id, Hazard.region_id.in_(actor.regions_for("hazards:read"))
    )
    hazard = (await session.execute(wanted)).scalar_one_or_none()
    if hazard is None:
        raise NotFoundProblem
    return hazard


async def order_rectification(
    session: AsyncSession,
    actor: Actor,
    hazard_id: UUID,
    expected: int,
    *,
    days: int,
    day_kind: DayKind,
    requirement: str,
) -> Hazard:
    """Order the rectification within a period that begins the day after today; a later order replaces the deadline."""
    hazard = await get_hazard(session, actor, hazard_id)
    actor.require("hazards:order", hazard.region_id)
    today = shanghai_today()
    deadline = working_calendar().deadline(today, days, day_kind)
    if deadline.due_on is None:
        raise CalendarUnknownProblem(year=deadline.missing_year)
    order = RectificationOrder(
        id=new_id(),
        hazard_id=hazard_id,
        authority_id=hazard.authority_id,
        number=await take_number(session, hazard.authority_id, "责改", today.year),
        issued_on=today,
        days=days,
        day_kind=day_kind.value,
        due_on=deadline.due_on,
        requirement=requirement,
        issued_by=actor.user_id,
    )
    session.add(order)
    detail = {"order": order.number, "due_on": deadline.due_on.isoformat()}
    return await _step(session, actor, hazard, "order", expected, due_on=deadline.due_on, detail=detail)


async def report_rectified(
    session: AsyncSession,
    actor: Actor,
    hazard_id: UUID,
    expected: int,
    note: str,
    evidence_ids: Sequence[UUID],
) -> Hazard:
    """Record that the enterprise says it is rectified, with its evidence."""
    hazard = await get_hazard(session, actor, hazard_id)
    return await _step(
        session, actor, hazard, "report_rectified", expected, note=note, evidence_ids=evidence_ids
    )


async def record_reinspection(
    session: AsyncSession,
    actor: Actor,
    hazard_id: UUID,
    expected: int,
    *,
    visit_id: UUID,
    visited_on: date,
    is_rectified: bool,
    note: str | None,
) -> Hazard:
    """Record what the re-inspection visit found: rectified, or back to ordered with the deadline it had.

    Raises ReinspectionProblem when the visit was before the first order, or is dated in the future.
    """
    hazard = await get_hazard(session, actor, hazard_id)
    first = select(func.min(RectificationOrder.issued_on)).where(RectificationOrder.hazard_id == hazard_id)
    ordered_on = await session.scalar(first)
    if not (ordered_on or visited_on) <= visited_on <= shanghai_today():
        raise ReinspectionProblem
    action = "reinspect" if is_rectified else "reject_rectification"
    return await _step(session, actor, hazard, action, expected, note=note, visit_id=visit_id)


async def close_hazard(
    session: AsyncSession, actor: Actor, hazard_id: UUID, expected: int, note: str | None
) -> Hazard:
    """Close a hazard whose re-inspection found it rectified; the person in charge does."""
    hazard = await get_hazard(session, actor, hazard_id)
    return await _step(session, actor, hazard, "close", expected, note=note)


async def _step(
    session: AsyncSession,
    actor: Actor,
    hazard: Hazard,
    action: str,
    expected: int,
    *,
    due_on: date | None = None,
    note: str | None = None,
    visit_id: UUID | None = None,
    evidence_ids: Sequence[UUID] = (),
    detail: dict[str, Any] | None = None,
) -> Hazard:
    """Compare and set (id, status, version), and write history, audit and change rows beside it."""
    transition = TRANSITIONS[action]
    actor.require(transition.permission, hazard.region_id)
    before = hazard.status
    if before not in transition.sources:
        raise HazardStateProblem(state=before)
    values: dict[str, Any] = {"status": transition.target, "version": expected + 1}
    if due_on is not None:
        values["due_on"] = due_on
    changed = (
        update(Hazard)
        .where(Hazard.id == hazard.id, Hazard.status == before, Hazard.version == expected)
        .values(**values)
        .returning(Hazard.id)
    )
    if (await session.execute(changed)).scalar_one_or_none() is None:
        raise HazardStateProblem(state=before)
    await session.refresh(hazard)
    await record_step(
        session,
        actor,
        hazard,
        action,
        before,
        note=note,
        visit_id=visit_id,
        evidence_ids=evidence_ids,
        detail=detail,
    )
    return hazard


async def record_step(
    session: AsyncSession,
    actor: Actor,
    hazard: Hazard,
    action: str,
    before: str | None,
    *,
    on_date: date | None = None,
    note: str | None = None,
    visit_id: UUID | None = None,
    evidence_ids: Sequence[UUID] = (),
    detail: dict[str, Any] | None = None,
) -> None:
    """Write the history, audit and change rows of a step the hazard has just taken; `on_date` is today unless told."""
    session.add(
        HazardStep(
            id=new_id(),
            hazard_id=hazard.id,
            action=action,
            from_status=before,
            to_status=hazard.status,
            on_date=on_date or shanghai_today(),
            user_id=actor.user_id,
            visit_id=visit_id,
            note=note,
            evidence_ids=list(evidence_ids),
            detail=detail,
        )
    )
    await session.flush()
    await record_act(
        session,
        actor,
        action=f"hazards:{action}",
        kind="hazard",
        object_id=hazard.id,
        version=hazard.version,
        region_id=hazard.region_id,
        before={"status": before} if before else None,
        after={"status": hazard.status, "due_on": hazard.due_on},
    )
