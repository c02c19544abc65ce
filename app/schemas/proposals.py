"""What is proposed for overdue hazards, on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints

from app.schemas.common import View, Wire

ProposalState = Literal["open", "taken_up", "dismissed", "withdrawn"]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=2000)]


class DismissalRequest(Wire):
    """Why nothing is made of it."""

    reason: Reason


class ProposalKindView(View):
    """What may be proposed. `concerns`: any overdue hazard, or major ones only; `taken_up_by`: what is made of it."""

    code: str
    title_zh: str
    title_en: str
    concerns: Literal["any", "major"]
    taken_up_by: str
    basis_zh: str
    basis_en: str
    to_be_confirmed: bool


class ProposalView(View):
    """One proposal: for which hazard, because which clock ended on which day, by which article, and what became of it.

    `object_kind` and `object_id`: what was made of it. `withdrawn_because`: why the registry itself took it back.
    """

    id: UUID
    version: int
    region_id: UUID
    hazard_id: UUID
    hazard_number: str
    hazard_level: str
    hazard_status: str
    kind: str
    due_on: date
    clock_id: UUID
    clock_title: str
    basis_zh: str
    basis_en: str
    to_be_confirmed: bool
    status: ProposalState
    object_kind: str | None
    object_id: UUID | None
    withdrawn_because: Literal["found_rectified", "hazard_closed", "hazard_merged", "deadline_moved"] | None
    settled_by: UUID | None
    settled_at: datetime | None
    settled_reason: str | None
    created_at: datetime
