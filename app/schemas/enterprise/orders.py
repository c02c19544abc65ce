"""Rectification orders and on-site measures as the enterprise reads them."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from app.schemas.common import View


class IssuedLine(View):
    """One hazard of an order. `ordered_due_on`: the last day as ordered; `due_on`: as it stands, what extended it included.

    `description`: of the hazard, where officers found it on a visit or the enterprise reported it; else the line's requirement.
    `level` is major only by a confirmed `clause`. `is_replaced`: a later order of the same hazard counts instead.
    """

    position: int
    days: int
    day_kind: str
    ordered_due_on: date | None
    due_on: date | None
    is_overdue: bool | None
    is_replaced: bool
    requirement: str
    hazard_id: UUID
    hazard_number: str
    description: str
    level: str
    clause: str | None
    status: str
    closed_on: date | None


class IssuedOrder(View):
    """One rectification order, with a line for each hazard. `officer_name`: who issued it; `officer_names`: who signed it, of
    orders of before that was written down none."""

    id: UUID
    number: str
    authority_name: str
    officer_name: str
    officer_names: list[str]
    issued_on: date
    lines: list[IssuedLine]


class MeasureKindName(View):
    """A kind of on-site measure."""

    code: str
    zh: str
    en: str


class IssuedMeasure(View):
    """One on-site measure. `number` and `decided_on` are null until it is in writing; `until`: the last day of what it stops."""

    id: UUID
    number: str | None
    authority_name: str
    officer_names: list[str]
    ordered_at: datetime
    decided_on: date | None
    kinds: list[MeasureKindName]
    place: str
    ground: str
    state: Literal["in_force", "lifted", "withdrawn", "revoked"]
    until: date | None
