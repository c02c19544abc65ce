"""What on-site measures cover while hazards are one: the one that stays too, as long as one merged into it is covered."""

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.hazards import Hazard
from app.models.measures import MeasureHazard

# Only what a merging added (its `absorb` step says so), that no decision in writing named since, and that nothing still merged
# into the hazard needs.
_UNCOVER = text(
    """
    DELETE FROM onsite_measure_hazards m
     WHERE m.hazard_id = :hazard_id
       AND EXISTS (
        SELECT FROM hazard_steps s
         WHERE s.hazard_id = m.hazard_id AND s.action = 'absorb' AND jsonb_exists(s.detail -> 'measures', m.measure_id::text)
           AND NOT EXISTS (
            SELECT FROM onsite_measure_steps d WHERE d.measure_id = m.measure_id AND d.action = 'decide' AND d.id > s.id))
       AND NOT EXISTS (
        SELECT FROM hazards h JOIN onsite_measure_hazards o ON o.hazard_id = h.id
         WHERE h.merged_into_id = m.hazard_id AND o.measure_id = m.measure_id)
    RETURNING m.measure_id
"""
)


async def cover_kept(session: AsyncSession, merged_id: UUID, kept_id: UUID) -> list[UUID]:
    """What an on-site measure covered, it covers as the hazard that stays; gives the measures that this widened."""
    covering = select(MeasureHazard.measure_id).where(MeasureHazard.hazard_id == merged_id)
    known = select(MeasureHazard.measure_id).where(MeasureHazard.hazard_id == kept_id)
    wanted = covering.where(MeasureHazard.measure_id.not_in(known)).order_by(MeasureHazard.measure_id)
    measures = list((await session.execute(wanted)).scalars())
    session.add_all(MeasureHazard(measure_id=one, hazard_id=kept_id) for one in measures)
    await session.flush()
    return measures


async def uncover_kept(session: AsyncSession, kept_id: UUID) -> list[UUID]:
    """After an undoing, take off the one that stays, and those it was merged into, what only merging had put there; gives the
    measures that this narrowed."""
    narrowed: set[UUID] = set()
    hazard_id: UUID | None = kept_id
    while hazard_id is not None:
        narrowed.update((await session.execute(_UNCOVER, {"hazard_id": hazard_id})).scalars())
        hazard_id = await session.scalar(select(Hazard.merged_into_id).where(Hazard.id == hazard_id))
    return sorted(narrowed)
