"""Jurisdiction on a day: which authority covers which region, in its own name or entrusted."""

from uuid import UUID

from sqlalchemy import ColumnElement, SQLColumnExpression, Uuid, exists, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.models.organizations import Authority, Entrustment, Jurisdiction, Region
from app.services.organizations.periods import Day, in_force

Reference = UUID | SQLColumnExpression[UUID]


async def authority_covers(session: AsyncSession, authority_id: UUID, region_id: UUID, on: Day) -> bool:
    """True when the authority may act in the region on the day.

    It exists and one of its jurisdictions in force contains the region. An authority that was ever entrusted acts only in
    another's name: an entrustment must be in force on the day, by an authority that exists and itself covers the region.
    """
    return bool((await session.execute(select(covers(authority_id, region_id, on)))).scalar_one())


def is_entrusted(authority_id: Reference, on: Day) -> ColumnElement[bool]:
    """That the authority acts for another on the day, in that one's name."""
    return exists().where(Entrustment.authority_id == authority_id, in_force(Entrustment, on))


def covers(authority_id: Reference, region_id: Reference, on: Day) -> ColumnElement[bool]:
    """The same as a condition. Authority, region and day may be bound later; they may come from the query around it, the
    region as a literal column only: two levels down a mapped one would bring its table anew, and any row of it would do."""
    authority, entrusting, entrusted = aliased(Authority), aliased(Authority), aliased(Entrustment)
    by_entrustment = (
        select(Entrustment.id)
        .join(entrusting, entrusting.id == Entrustment.entrusted_by)
        .where(
            Entrustment.authority_id == authority.id,
            in_force(Entrustment, on),
            in_force(entrusting, on),
            _has_jurisdiction(entrusting.id, region_id, on),
        )
        .exists()
    )
    return exists().where(
        authority.id == authority_id,
        in_force(authority, on),
        _has_jurisdiction(authority.id, region_id, on),
        or_(~exists().where(entrusted.authority_id == authority.id), by_entrustment),
    )


def may_name(own_id: Reference | None, named_id: Reference, on: Day) -> ColumnElement[bool]:
    """That whoever is of the authority `own_id` may act in the name of another on the day: it is his own, or has entrusted his own
    (行政处罚法 20).

    Whether the named one exists and covers a region is another question.
    """
    own = own_id if isinstance(own_id, SQLColumnExpression) else literal(own_id, Uuid())
    entrusted = exists().where(
        Entrustment.authority_id == own, Entrustment.entrusted_by == named_id, in_force(Entrustment, on)
    )
    return or_(own == named_id, entrusted)


def _has_jurisdiction(authority_id: Reference, region_id: Reference, on: Day) -> ColumnElement[bool]:
    """One of the authority's jurisdictions in force contains the region."""
    place, covered, jurisdiction = aliased(Region), aliased(Region), aliased(Jurisdiction)
    found = (
        select(jurisdiction.id)
        .join(covered, covered.id == jurisdiction.region_id)
        .join(place, func.starts_with(place.path, covered.path))
        .where(jurisdiction.authority_id == authority_id, place.id == region_id, in_force(jurisdiction, on))
    )
    return found.exists()
