"""Assignments and visits on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.schemas.common import View, Wire
from app.schemas.mobile.packages import SignatureView


class AssignmentRequest(Wire):
    """A team of two officers at least is to visit a site between two days (both included)."""

    site_id: UUID
    kind: Literal["inspection", "reinspection"] = "inspection"
    authority_id: UUID
    planned_from: date
    planned_until: date
    officers: Annotated[list[UUID], Field(min_length=1, max_length=20)]
    template_version_ids: Annotated[list[UUID], Field(min_length=1, max_length=20)]
    hazard_ids: Annotated[list[UUID], Field(default_factory=list, max_length=100)]
    note: Annotated[str | None, Field(max_length=1000)] = None

    @model_validator(mode="after")
    def _period(self) -> Self:
        if self.planned_until < self.planned_from:
            raise ValueError("planned_until lies before planned_from")
        return self


class CancelRequest(Wire):
    """Why an assignment is cancelled."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class AssignmentView(View):
    """One assignment with its team."""

    id: UUID
    version: int
    status: str
    kind: str
    authority_id: UUID
    enterprise_id: UUID
    enterprise_name: str
    site_id: UUID
    site_name: str
    region_id: UUID
    planned_from: date
    planned_until: date
    officers: list[UUID]
    template_version_ids: list[UUID]
    hazard_ids: list[UUID]
    note: str | None
    created_at: datetime


class VisitView(View):
    """One visit."""

    id: UUID
    kind: str
    assignment_id: UUID | None
    authority_id: UUID
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    visited_on: date
    created_at: datetime


class PartySignatureView(View):
    """The inspected party signed or refused, and why; `text_hash` is of the text it was shown. Who it was stays in the package."""

    outcome: Literal["signed", "refused"]
    reason: str | None
    text_hash: str
    evidence_id: UUID | None


class PackageView(View):
    """One package of a visit, as a case officer reads it: who signed it, and what the inspected party did."""

    id: UUID
    sha256: str
    kind: str
    risk_unit_id: UUID | None
    supersedes_id: UUID | None
    is_standing: bool
    fork_status: str | None
    template_version_id: UUID | None
    user_id: UUID
    officer_ids: list[UUID]
    is_signable: bool
    issues: list[dict[str, object]]
    received_at: datetime
    party: PartySignatureView | None
    signatures: Annotated[list[SignatureView], Field(default_factory=list)]


class FindingView(View):
    """One non-conformity."""

    id: UUID
    package_id: UUID
    key: str
    item_code: str
    subject: str | None
    severity: str
    description: str
    evidence_ids: list[UUID]


class VisitDetail(VisitView):
    """A visit with its packages and findings."""

    packages: list[PackageView]
    findings: list[FindingView]


class VisitCount(View):
    """How many visits of a kind (家次), and how many enterprises they were at."""

    kind: str
    visits: int
    enterprises: int


class IntakeView(View):
    """A package that waits for a person: kept aside, or not yet processed."""

    package_id: UUID
    sha256: str
    status: str
    reason: str | None
    attempts: int
    device_id: UUID
    user_id: UUID
    received_at: datetime
