"""Rectification orders on the wire: one document, a line for each hazard."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.schemas.common import View, Wire
from app.schemas.officers import OfficerView

MOST_LINES = 50
Requirement = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class OrderLineRequest(Wire):
    """What is required of one hazard, at the version that was read, within so many days; the day of the order is not counted."""

    hazard_id: UUID
    version: Annotated[int, Field(ge=1)]
    days: Annotated[int, Field(ge=1, le=365)]
    day_kind: Literal["working", "calendar"]
    requirement: Requirement


class RectificationOrderRequest(Wire):
    """Who signs, and the hazards in the order of the document: all of one authority, one enterprise and one site."""

    officer_ids: Annotated[list[UUID], Field(min_length=2, max_length=10)]
    lines: Annotated[list[OrderLineRequest], Field(min_length=1, max_length=MOST_LINES)]


class RectificationOrderView(View):
    """One rectification order. It never changes: a later one replaces a hazard's deadline."""

    id: UUID
    number: str
    authority_id: UUID
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    issued_on: date
    issued_by: UUID
    created_at: datetime


class OrderedHazardView(View):
    """The hazard of a line as it stands; `due_on`: its deadline, what extended or replaced it included."""

    id: UUID
    version: int
    number: str
    level: str
    clause: str | None
    description: str
    status: str
    due_on: date | None
    merged_into_id: UUID | None


class OrderLineView(View):
    """One line as it was issued; `due_on`: the last day as ordered. `is_replaced`: a later order of the hazard counts instead."""

    position: int
    days: int
    day_kind: str
    due_on: date | None
    requirement: str
    is_replaced: bool
    hazard: OrderedHazardView


class RectificationOrderDetail(RectificationOrderView):
    """An order with its lines and the officers who signed it; of orders of before officers were written down: none."""

    officers: list[OfficerView]
    lines: list[OrderLineView]
