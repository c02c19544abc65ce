"""Places: narrowing a list to one (a region always means everything below it too), what lies above some, the widest of them."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.models.organizations import Region


def lies_in(column: InstrumentedAttribute[Any] | ColumnElement[Any], region_id: UUID) -> ColumnElement[bool]:
    """The column's region is this one or lies below it; nothing lies in a region that does not exist."""
    top, place = aliased(Region), aliased(Region)
    below = select(place.id).join(top, func.starts_with(place.path, top.path)).where(top.id == region_id)
    return column.in_(below)


def lies_over(
    column: InstrumentedAttribute[Any] | ColumnElement[Any], regions: Iterable[UUID]
) -> ColumnElement[bool]:
    """The column's region is one of these, or one that any of them lies in."""
    above, place = aliased(Region), aliased(Region)
    over = select(above.id).join(place, func.starts_with(place.path, above.path)).where(place.id.in_(regions))
    return column.in_(over)


async def topmost(session: AsyncSession, regions: Iterable[UUID]) -> UUID | None:
    """The widest of the regions: where an act over all of them is shown to auditors; None when there is none."""
    wanted = select(Region.id).where(Region.id.in_(regions)).order_by(func.length(Region.path), Region.id)
    return (await session.execute(wanted.limit(1))).scalar_one_or_none()
