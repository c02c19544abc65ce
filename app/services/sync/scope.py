"""What the caller may hold today: his regions, his authority, his assignments. Read once for each page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.models.inspections import Assignment, AssignmentMember


@dataclass(frozen=True, slots=True)
class OwnAssignment:
    """An assignment of a team the caller belongs to; `is_live`: neither cancelled nor over."""

    id: UUID
    region_id: UUID
    site_id: UUID
    enterprise_id: UUID
    hazard_ids: tuple[UUID, ...]
    is_live: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """The caller's entitlement in one collection on one day. `partitions`: whose rows he holds, expanded."""

    actor: Actor
    today: date
    partitions: frozenset[UUID]
    assignments: tuple[OwnAssignment, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """Rows that assignments name, whatever their regions: all of them, those of live ones, and where they lie."""

    all: frozenset[UUID] = frozenset()
    live: frozenset[UUID] = frozenset()
    regions: frozenset[UUID] = frozenset()

    @classmethod
    def of(cls, found: Iterable[tuple[UUID, bool, UUID]]) -> "Named":
        """From (id, named by a live assignment, region) as often as an assignment names it."""
        rows = list(found)
        return cls(
            frozenset(identifier for identifier, _, _ in rows),
            frozenset(identifier for identifier, is_live, _ in rows if is_live),
            frozenset(region for _, _, region in rows),
        )


async def own_assignments(
    session: AsyncSession, actor: Actor, since: date, today: date
) -> tuple[OwnAssignment, ...]:
    """The caller's assignments that were not over on `since`, cancelled ones too: what a phone may have rows of."""
    wanted = (
        select(Assignment)
        .join(AssignmentMember, AssignmentMember.assignment_id == Assignment.id)
        .where(AssignmentMember.user_id == actor.user_id, Assignment.planned_until >= since)
        .order_by(Assignment.id)
    )
    return tuple(
        OwnAssignment(
            row.id,
            row.region_id,
            row.site_id,
            row.enterprise_id,
            tuple(row.hazard_ids),
            row.status != "cancelled" and row.planned_until >= today,
        )
        for row in (await session.execute(wanted)).scalars()
    )
