"""Extensions of rectification orders and placards on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.schemas.common import View, Wire

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=2000)]


class ExtensionRequest(Wire):
    """How much longer, in the period's own unit, and why."""

    amount: Annotated[int, Field(ge=1, le=365)]
    reason: Reason


class SettlementRequest(Wire):
    """Why it is granted, refused or withdrawn."""

    reason: Reason


class ExtensionView(View):
    """One extension, of an order or of a placard. `due_proposed`: the last day as it would become, when it was proposed;
    `due_after`: as it became.

    `is_lapsed`: it was proposed for a period that has ended since, and can only be withdrawn.
    """

    id: UUID
    version: int
    hazard_id: UUID
    order_id: UUID | None
    placard_id: UUID | None
    clock_id: UUID
    region_id: UUID
    amount: int
    unit: Literal["working_day", "calendar_day", "hour", "month", "year"]
    reason: str
    proposed_by: UUID
    due_before: date | None
    due_proposed: date | None
    status: Literal["proposed", "granted", "refused", "withdrawn"]
    settled_by: UUID | None
    settled_at: datetime | None
    settled_reason: str | None
    due_after: date | None
    is_lapsed: bool
    created_at: datetime
