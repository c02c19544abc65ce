"""What sealed re-inspection packages do to hazards: each result one step, by the officers' own record, never refused."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.enums.hazards import ReinspectionOutcome
from app.models.hazards import Hazard, HazardStep
from app.services.hazards.errors import HazardChoiceProblem
from app.services.hazards.order_reading import last_ordered_on, reported_after
from app.services.hazards.service import record_step
from app.services.hazards.workflow import REINSPECTABLE, REINSPECTION_STEPS, TRANSITIONS

Reception = Literal[
    "recorded", "known", "unknown", "before_order", "before_report", "state_changed", "contradicted", "outcome_unclear"
]  # fmt: skip
"""What became of a result."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the officers found of one hazard; without an outcome nobody can tell (workflow.outcome_of)."""

    hazard_id: UUID
    outcome: ReinspectionOutcome | None
    note: str | None
    evidence_ids: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Reinspected:
    """Where and when: one package of a re-inspection visit."""

    package_id: UUID
    visit_id: UUID
    site_id: UUID
    on_date: date


async def check_reinspectable(session: AsyncSession, site_id: UUID, hazard_ids: Collection[UUID]) -> None:
    """Raise HazardChoiceProblem unless every hazard is one of the site's that waits for a re-inspection."""
    wanted = select(Hazard.id).where(
        Hazard.id.in_(hazard_ids),
        Hazard.site_id == site_id,
        Hazard.status.in_(REINSPECTABLE),
        Hazard.merged_into_id.is_(None),
    )
    missing = set(hazard_ids) - set((await session.execute(wanted)).scalars())
    if missing:
        raise HazardChoiceProblem(hazards=sorted(str(one) for one in missing))


async def record_results(
    session: AsyncSession, actor: Actor, visit: Reinspected, results: Sequence[Result]
) -> Mapping[UUID, Reception]:
    """Take every result that the hazard's state allows; the others change nothing and say why.

    The sealed package is the authority for the step: who may submit it for the site was decided when it was kept. `known`: a
    colleague's package of the same visit said the same. Hazards are locked in order of id, so two packages never wait crosswise.

    A phone may have been offline: what was found undone on a day before the enterprise reported it rectified throws no report out
    (`before_report`); on the same day it does. What was found resolved before the report counts: officers saw what it says.
    """
    ids = sorted({result.hazard_id for result in results})
    locked = select(Hazard).where(Hazard.id.in_(ids), Hazard.site_id == visit.site_id).order_by(Hazard.id)
    rows = await session.execute(locked.with_for_update().execution_options(populate_existing=True))
    hazards = {row.id: row for row in rows.scalars()}
    ordered = await last_ordered_on(session, ids)
    said = await _said_on_visit(session, visit.visit_id, ids)
    reported = await reported_after(session, hazards.values(), visit.on_date)
    received: dict[UUID, Reception] = {}
    for result in results:
        hazard = hazards.get(result.hazard_id)
        if hazard is None:
            received[result.hazard_id] = "unknown"
        elif result.outcome is None:
            received[hazard.id] = "outcome_unclear"
        elif hazard.id in said:
            received[hazard.id] = "known" if said[hazard.id] == result.outcome else "contradicted"
        elif hazard.merged_into_id is not None or not _allows(hazard, result.outcome):
            received[hazard.id] = "state_changed"
        elif hazard.id in ordered and visit.on_date < ordered[hazard.id]:
            received[hazard.id] = "before_order"
        elif hazard.id in reported and result.outcome is not ReinspectionOutcome.RESOLVED:
            received[hazard.id] = "before_report"
        else:
            await _take(session, actor, visit, hazard, result, result.outcome)
            said[hazard.id] = result.outcome
            received[hazard.id] = "recorded"
    return received


def _allows(hazard: Hazard, outcome: ReinspectionOutcome) -> bool:
    return hazard.status in TRANSITIONS[REINSPECTION_STEPS[outcome]].sources


async def _take(
    session: AsyncSession,
    actor: Actor,
    visit: Reinspected,
    hazard: Hazard,
    result: Result,
    outcome: ReinspectionOutcome,
) -> None:
    action, before = REINSPECTION_STEPS[outcome], hazard.status
    await session.execute(
        update(Hazard)
        .where(Hazard.id == hazard.id, Hazard.status == before, Hazard.version == hazard.version)
        .values(status=TRANSITIONS[action].target, version=hazard.version + 1),
        execution_options={"synchronize_session": False},
    )
    await session.refresh(hazard)
    await record_step(
        session,
        actor,
        hazard,
        action,
        before,
        on_date=visit.on_date,
        note=result.note,
        visit_id=visit.visit_id,
        evidence_ids=result.evidence_ids,
        detail={"package_id": str(visit.package_id), "outcome": outcome.value},
    )


async def _said_on_visit(
    session: AsyncSession, visit_id: UUID, ids: Sequence[UUID]
) -> dict[UUID, str | None]:
    """What this visit has said of each hazard already: the outcome."""
    wanted = (
        select(HazardStep)
        .where(
            HazardStep.hazard_id.in_(ids),
            HazardStep.visit_id == visit_id,
            HazardStep.action.in_(set(REINSPECTION_STEPS.values())),
        )
        .order_by(HazardStep.id)
    )
    return {step.hazard_id: step.outcome for step in (await session.execute(wanted)).scalars()}
