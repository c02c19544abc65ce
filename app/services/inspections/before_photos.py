"""Photographs that an assignment shows its team, whatever their regions: of its hazards as found and as reported rectified."""

from uuid import UUID

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.models.hazards import Hazard, HazardStep
from app.models.inspections import Assignment, AssignmentMember


async def is_shown_by_assignment(session: AsyncSession, actor: Actor, evidence_id: UUID) -> bool:
    """True while an assignment of the actor's own, not cancelled and not over, names a hazard with this photograph, or one into
    which such a hazard was merged."""
    lower = aliased(Hazard)
    assigned = (
        select(Hazard.id)
        .join(Assignment, Hazard.id == Assignment.hazard_ids.any_())
        .join(AssignmentMember, AssignmentMember.assignment_id == Assignment.id)
        .where(
            AssignmentMember.user_id == actor.user_id,
            Assignment.status != "cancelled",
            Assignment.planned_until >= shanghai_today(),
        )
        .cte("assigned", recursive=True)
    )
    assigned = assigned.union(select(lower.id).join(assigned, lower.merged_into_id == assigned.c.id))
    wanted = (
        select(Hazard.id)
        .join(assigned, assigned.c.id == Hazard.id)
        .where(
            or_(
                Hazard.evidence_ids.contains([evidence_id]),
                exists().where(
                    HazardStep.hazard_id == Hazard.id, HazardStep.evidence_ids.contains([evidence_id])
                ),
            ),
        )
    )
    return (await session.execute(wanted.limit(1))).first() is not None
