"""Places: narrowing a list to one (a region always means everything below it too), and the widest of several."""

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


async def topmost(session: AsyncSession, regions: Iterable[UUID]) -> UUID | None:
    """The widest of the regions: where an act over all of them is shown to auditors; None when there is none."""
    wanted = select(Region.id).where(Region.id.in_(regions)).order_by(func.length(Region.path), Region.id)
    return (await session.execute(wanted.limit(1))).scalar_one_or_none()
