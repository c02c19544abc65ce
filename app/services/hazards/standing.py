"""Which hazard stands for which: those merged into one, over any number of steps, are one act and one danger."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.models.hazards import Hazard, HazardStep

_UPWARDS = """
    WITH RECURSIVE up AS (
        SELECT id, merged_into_id FROM hazards WHERE id = ANY(CAST(:ids AS uuid[]))
         UNION
        SELECT h.id, h.merged_into_id FROM up JOIN hazards h ON h.id = up.merged_into_id)
"""
_UP = text(_UPWARDS + "SELECT id FROM up ORDER BY id")
_ONE = text(
    _UPWARDS
    + """, one AS (
        SELECT id, id AS stays FROM up WHERE merged_into_id IS NULL
         UNION ALL
        SELECT h.id, one.stays FROM one JOIN hazards h ON h.merged_into_id = one.id)
    SELECT id, stays FROM one
"""
)


def these_and_above(hazard_ids: Select[UUID]) -> CompoundSelect[UUID]:
    """These hazards, and those into which, over any number of steps, one of them was merged.

    One set, not two conditions joined by OR: so a statement may begin with them and look the hazards up, however many there are.
    """
    return hazard_ids.union(above_merged(hazard_ids))


def above_merged(hazard_ids: Select[UUID]) -> Select[UUID | None]:
    """The hazards into which, over any number of steps, one of these was merged."""
    own, upper = aliased(Hazard), aliased(Hazard)
    into = (
        select(own.merged_into_id.label("id"))
        .where(own.merged_into_id.is_not(None), own.id.in_(hazard_ids))
        .cte(recursive=True)
    )
    further = select(upper.merged_into_id).join(into, upper.id == into.c.id)
    into = into.union(further.where(upper.merged_into_id.is_not(None)))
    return select(into.c.id)


async def merged_upwards(session: AsyncSession, hazard_ids: Collection[UUID]) -> list[UUID]:
    """These hazards and those they were merged into, up to the ones that stand, in order of id."""
    return list((await session.execute(_UP, {"ids": list(hazard_ids)})).scalars())


def all_below(hazard_id: UUID) -> Select[UUID]:
    """A hazard and all that was merged into it, over any number of steps."""
    lower = aliased(Hazard)
    below = select(Hazard.id).where(Hazard.id == hazard_id).cte("below", recursive=True)
    below = below.union(select(lower.id).join(below, lower.merged_into_id == below.c.id))
    return select(below.c.id)


async def merged_downwards(session: AsyncSession, hazard_id: UUID) -> list[UUID]:
    """The same, read."""
    return list((await session.execute(all_below(hazard_id))).scalars())


@dataclass(frozen=True, slots=True)
class MergedPhotographs:
    """The photographs of a hazard that was merged into another: since which day, and by which step, the last of those it took."""

    merged_on: date
    merged_by: UUID
    evidence_ids: Sequence[UUID]


async def photographs_merged_into(
    session: AsyncSession, hazard_ids: Collection[UUID]
) -> dict[UUID, list[MergedPhotographs]]:
    """By hazard, the photographs of all that were merged into it over any number of steps, the oldest first: one statement."""
    first, lower = aliased(Hazard), aliased(Hazard)
    below = (
        select(first.merged_into_id.label("into"), first.id, _merging_of(first.id).label("step"))
        .where(first.merged_into_id.in_(hazard_ids))
        .cte("merged_photographs", recursive=True)
    )
    later = func.greatest(below.c.step, _merging_of(lower.id))
    below = below.union(select(below.c.into, lower.id, later).join(below, lower.merged_into_id == below.c.id))
    wanted = (
        select(below.c.into, HazardStep.on_date, HazardStep.id, Hazard.evidence_ids)
        .join(Hazard, Hazard.id == below.c.id)
        .join(HazardStep, HazardStep.id == below.c.step)
        .where(func.cardinality(Hazard.evidence_ids) > 0)
        .order_by(Hazard.id)
    )
    found: dict[UUID, list[MergedPhotographs]] = defaultdict(list)
    for into, *merged in await session.execute(wanted):
        found[into].append(MergedPhotographs(*merged))
    return found


def _merging_of(hazard_id: ColumnElement[UUID] | InstrumentedAttribute[UUID]) -> ColumnElement[UUID]:
    """The step by which a merged hazard was merged, the last time. Ids of steps are in order of time."""
    merging = select(HazardStep.id).where(HazardStep.hazard_id == hazard_id, HazardStep.action == "merge")
    return merging.order_by(HazardStep.id.desc()).limit(1).scalar_subquery()


async def all_merged_with(session: AsyncSession, hazard_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Every hazard that is one with any of these, these too: the one that stands for it."""
    return {row.id: row.stays for row in await session.execute(_ONE, {"ids": list(hazard_ids)})}


async def hold_merged_with(session: AsyncSession, hazard_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The same, with those that stand locked in order of id: until the end of the unit of work none is merged further."""
    stays = set((await all_merged_with(session, hazard_ids)).values())
    wanted = select(Hazard.id).where(Hazard.id.in_(stays)).order_by(Hazard.id)
    await session.execute(wanted.with_for_update(key_share=True))
    return await all_merged_with(session, hazard_ids)
