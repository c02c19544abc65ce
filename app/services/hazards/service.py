"""What happens to registered hazards: rectified, re-inspected, closed; one verb, one step. What is ordered: ordering.py."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM, Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.db.versions import compare_and_set
from app.enums.hazards import ProposalEnd, ReinspectionOutcome
from app.models.hazards import Hazard, HazardStep
from app.services.audit.service import record_act
from app.services.clocks.responsibility import Subject, hold_responsible
from app.services.clocks.service import end_clocks, find_running, reopen_clocks, start_clock
from app.services.hazards.errors import (
    HazardMergedProblem,
    HazardStateProblem,
    ReinspectionBeforeReportProblem,
    ReinspectionOutcomeProblem,
    ReinspectionProblem,
)
from app.services.hazards.order_reading import last_ordered_on, reported_after
from app.services.hazards.placard_following import propose_removals, settle_periods
from app.services.hazards.proposing import withdraw_proposals
from app.services.hazards.workflow import REINSPECTION_STEPS, TRANSITIONS, outcome_of


async def get_hazard(session: AsyncSession, actor: Actor, hazard_id: UUID) -> Hazard:
    """One hazard of the actor's regions; raises NotFoundProblem."""
    wanted = select(Hazard).where(
        Hazard.id == hazard_id, Hazard.region_id.in_(actor.regions_for("hazards:read"))
    )
    hazard = (await session.execute(wanted)).scalar_one_or_none()
    if hazard is None:
        raise NotFoundProblem
    return hazard


def subject_of(hazard: Hazard, responsible_id: UUID | None) -> Subject:
    """The hazard as its clocks know it: the officer of the order in force answers for them."""
    return Subject("hazard", hazard.id, hazard.authority_id, hazard.region_id, responsible_id)


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
    outcome: ReinspectionOutcome | None = None,
    note: str | None,
) -> Hazard:
    """Record what the re-inspection visit found: rectified, or back to ordered (unchanged or aggravated) with the deadline it had.

    Raises ReinspectionProblem when the visit was before the order in force, or is dated in the future,
    ReinspectionBeforeReportProblem when it found undone what was reported rectified on a later day (found rectified, it counts),
    and ReinspectionOutcomeProblem when the outcome is not that of a hazard which is rectified, or is not.
    """
    if (found := outcome_of(is_rectified, outcome)) is None:
        raise ReinspectionOutcomeProblem
    hazard = await get_hazard(session, actor, hazard_id)
    ordered_on = (await last_ordered_on(session, [hazard_id])).get(hazard_id)
    if not (ordered_on or visited_on) <= visited_on <= shanghai_today():
        raise ReinspectionProblem
    if found is not ReinspectionOutcome.RESOLVED and await reported_after(session, [hazard], visited_on):
        raise ReinspectionBeforeReportProblem
    action, detail = REINSPECTION_STEPS[found], {"outcome": found.value}
    return await _step(session, actor, hazard, action, expected, note=note, visit_id=visit_id, detail=detail)


async def close_hazard(
    session: AsyncSession, actor: Actor, hazard_id: UUID, expected: int, note: str | None
) -> Hazard:
    """Close a hazard whose re-inspection found it rectified; the person in charge does."""
    hazard = await get_hazard(session, actor, hazard_id)
    today = {"closed_on": shanghai_today()}
    return await _step(session, actor, hazard, "close", expected, note=note, values=today)


async def _step(
    session: AsyncSession,
    actor: Actor,
    hazard: Hazard,
    action: str,
    expected: int,
    *,
    note: str | None = None,
    visit_id: UUID | None = None,
    evidence_ids: Sequence[UUID] = (),
    detail: dict[str, Any] | None = None,
    values: dict[str, Any] | None = None,
) -> Hazard:
    """The step, by somebody who holds its permission where the hazard is."""
    actor.require(TRANSITIONS[action].permission, hazard.region_id)
    return await take_step(
        session, actor, hazard, action, expected, note=note, visit_id=visit_id, evidence_ids=evidence_ids, detail=detail,
        values=values,
    )  # fmt: skip


async def take_step(
    session: AsyncSession,
    actor: Actor,
    hazard: Hazard,
    action: str,
    expected: int,
    *,
    note: str | None = None,
    visit_id: UUID | None = None,
    evidence_ids: Sequence[UUID] = (),
    detail: dict[str, Any] | None = None,
    values: dict[str, Any] | None = None,
) -> Hazard:
    """Compare and set, and write history, audit and change rows beside it; who may is for the caller.

    Raises HazardMergedProblem, HazardStateProblem.
    """
    transition = TRANSITIONS[action]
    before = hazard.status
    if hazard.merged_into_id is not None:
        raise HazardMergedProblem
    if before not in transition.sources:
        raise HazardStateProblem(state=before)
    await compare_and_set(session, hazard, expected, status=transition.target, **(values or {}))
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
    """Write the history, audit and change rows of a step the hazard has just taken, and start, end and reopen its clocks and those
    of its placards; `on_date` is today unless told."""
    on = on_date or shanghai_today()
    answers: UUID | None = None
    if (transition := TRANSITIONS.get(action)) is not None:
        for code in transition.starts:
            if (
                await find_running(session, hazard.id, code) is None
            ):  # the deadline's end may have started it before
                order = await find_running(session, hazard.id, "rectification")
                subject = subject_of(hazard, order.responsible_id if order else None)
                await start_clock(session, actor, subject, code, on)
        if transition.reopens:
            await hold_responsible(session, [hazard.id])
            recheck = await find_running(session, hazard.id, "recheck", for_update=True)
            answers = recheck.responsible_id if recheck else None
        await end_clocks(session, actor, hazard.id, transition.ends, on)
    session.add(
        HazardStep(
            id=new_id(),
            hazard_id=hazard.id,
            action=action,
            from_status=before,
            to_status=hazard.status,
            on_date=on,
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
    if transition is not None:  # the step is this version; where the end is another one now, that is the next
        await reopen_clocks(session, actor, hazard.id, transition.reopens, on, answers)
        await settle_periods(session, actor, hazard, on)
    if action == "reinspect":
        await withdraw_proposals(session, hazard.id, ProposalEnd.FOUND_RECTIFIED)
    elif hazard.status == "closed":
        await withdraw_proposals(session, hazard.id, ProposalEnd.HAZARD_CLOSED)
        await propose_removals(session, actor, hazard)
    elif hazard.merged_into_id is not None:
        await withdraw_proposals(session, hazard.id, ProposalEnd.HAZARD_MERGED)


async def hold_hazards(session: AsyncSession, hazard_ids: Sequence[UUID]) -> None:
    """Lock them in order of id, for one who is about to move their clocks: before these, so that nobody waits crosswise."""
    if not hazard_ids:
        return
    held = select(Hazard.id).where(Hazard.id == any_(literal(hazard_ids, ARRAY(Uuid)))).order_by(Hazard.id)
    await session.execute(held.with_for_update(key_share=True))


async def move_deadline(session: AsyncSession, hazard_id: UUID, due_on: date | None) -> None:
    """Show another last day: the ledger of the hazard's clock says who moved it and why."""
    wanted = select(Hazard).where(Hazard.id == hazard_id).with_for_update(key_share=True)
    hazard = (await session.execute(wanted, execution_options={"populate_existing": True})).scalar_one()
    before, hazard.due_on, hazard.version = hazard.due_on, due_on, hazard.version + 1
    await session.flush()
    await record_act(
        session, SYSTEM, action="hazards:reschedule", kind="hazard", object_id=hazard_id, version=hazard.version,
        region_id=hazard.region_id, before={"due_on": before}, after={"due_on": due_on},
    )  # fmt: skip
    await withdraw_proposals(session, hazard_id, ProposalEnd.DEADLINE_MOVED, due_on=due_on)
    if hazard.status == "ordered":  # nobody asked for the re-inspection: it was the deadline's end that did
        await end_clocks(session, SYSTEM, hazard_id, ("recheck",), shanghai_today())
