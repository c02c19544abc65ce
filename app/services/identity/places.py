"""Narrowing a list to a place: a region always means everything below it too."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.models.organizations import Region


def lies_in(column: InstrumentedAttribute[Any] | ColumnElement[Any], region_id: UUID) -> ColumnElement[bool]:
    """The column's region is this one or lies below it; nothing lies in a region that does not exist."""
    top, place = aliased(Region), aliased(Region)
    below = select(place.id).join(top, func.starts_with(place.path, top.path)).where(top.id == region_id)
    return column.in_(below)
