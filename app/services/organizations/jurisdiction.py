"""Jurisdiction on a day: which authority covers which region, in its own name or entrusted."""

from datetime import date
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, SQLColumnExpression, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.models.organizations import Authority, Jurisdiction, Region

Day = date | BindParameter[date]


async def authority_covers(session: AsyncSession, authority_id: UUID, region_id: UUID, on: date) -> bool:
    """True when the authority exists on the day and one of its jurisdictions in force contains the region."""
    return bool((await session.execute(select(covers(authority_id, region_id, on)))).scalar_one())


def covers(
    authority_id: UUID | SQLColumnExpression[UUID], region_id: UUID | SQLColumnExpression[UUID], on: Day
) -> ColumnElement[bool]:
    """The same as a condition; authority, region and day may be bound later or come from the query around it."""
    place, covered = aliased(Region), aliased(Region)
    return exists(
        select(Jurisdiction.id)
        .join(Authority, Authority.id == Jurisdiction.authority_id)
        .join(covered, covered.id == Jurisdiction.region_id)
        .join(place, func.starts_with(place.path, covered.path))
        .where(
            Authority.id == authority_id,
            place.id == region_id,
            *_in_force(Authority, on),
            *_in_force(Jurisdiction, on),
        )
    )


def _in_force(table: type[Authority] | type[Jurisdiction], on: Day) -> tuple[ColumnElement[bool], ...]:
    return table.valid_from <= on, or_(table.valid_until.is_(None), table.valid_until >= on)
