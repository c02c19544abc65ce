"""Hazards that may be one, on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints

from app.schemas.common import View, Wire

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=2000)]


class MergeRequest(Wire):
    """Which of the two stays, and why they are one."""

    kept_id: UUID
    reason: Reason


class DuplicateReasonRequest(Wire):
    """Why they are two, or why the merging is undone."""

    reason: Reason


class DuplicateReasonView(View):
    """One reason. `value`: the item, the clause, the metres, the percent or the days."""

    code: Literal["unit", "site", "near", "item", "clause", "text", "days"]
    value: str | int | None
    zh: str
    en: str


class ComparedHazard(View):
    """One of the two, as it stands."""

    id: UUID
    number: str
    level: str
    status: str
    source: str
    site_id: UUID
    risk_unit_id: UUID | None
    item_code: str | None
    subject: str | None
    description: str
    found_on: date
    evidence_ids: list[UUID]
    merged_into_id: UUID | None


class DuplicateView(View):
    """Two hazards that may be one, the later first, with the reasons. `kept_id`: the one that stays while they are merged."""

    id: UUID
    version: int
    region_id: UUID
    status: Literal["proposed", "merged", "dismissed"]
    reasons: list[DuplicateReasonView]
    hazard: ComparedHazard
    other: ComparedHazard
    kept_id: UUID | None
    decided_by: UUID | None
    decided_at: datetime | None
    decided_reason: str | None
    created_at: datetime
