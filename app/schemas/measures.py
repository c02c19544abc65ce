"""On-site measures on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from app.schemas.clocks import ClockView
from app.schemas.common import View, Wire
from app.schemas.officers import OfficerView

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=2000)]
Kinds = Annotated[list[Annotated[str, Field(max_length=40)]], Field(min_length=1, max_length=10)]
Status = Literal[
    "ordered_orally", "decided", "lifting_requested", "reviewed", "lifted", "withdrawn", "revoked"
]


class MeasureContentRequest(Wire):
    """What is ordered, of which place or facilities, why safety cannot be had otherwise, for which hazards.

    `months`: how long what stops production or use lasts, from the day of the decision; the longest unless told.
    """

    kinds: Kinds
    place: Words
    ground: Words
    hazard_ids: Annotated[list[UUID], Field(min_length=1, max_length=100)]
    months: Annotated[int, Field(ge=1, le=120)] | None = None


class WrittenMeasureRequest(MeasureContentRequest):
    """A measure that is decided in writing at once, by two officers of the authority at least."""

    site_id: UUID
    authority_id: UUID
    officer_ids: Annotated[list[UUID], Field(min_length=2, max_length=10)]


class OralMeasureRequest(Wire):
    """What two officers ordered on the spot, and when; the hazards may be registered later."""

    site_id: UUID
    authority_id: UUID
    officer_ids: Annotated[list[UUID], Field(min_length=2, max_length=10)]
    ordered_at: AwareDatetime
    kinds: Kinds
    place: Words
    ground: Words
    hazard_ids: Annotated[list[UUID], Field(default_factory=list, max_length=100)]


class MeasureReasonRequest(Wire):
    """Why."""

    reason: Words


class LiftingRequest(Wire):
    """Who began the lifting: the enterprise asked, the authority did of itself, or the measure's time is over."""

    ground: Literal["request", "own_motion", "expired"]
    reason: Words


class RevocationRequest(Wire):
    """Why the decision was wrong from the beginning, and who found it: the authority itself, a superior, a reconsideration
    or a court."""

    ground: Literal["own_finding", "superior", "reconsideration", "judgment"]
    reason: Words


class ReviewRequest(Wire):
    """What the re-inspection visit found, with the photographs that show it."""

    visit_id: UUID
    is_safe: bool
    reason: Words
    evidence_ids: Annotated[list[UUID], Field(default_factory=list, max_length=100)]


class MeasureKindView(View):
    """A kind of on-site measure, with its basis. `concerns` major: only where a major hazard cannot be made safe otherwise.

    `ends_by`: what it takes until it is over, the strictest of a measure's kinds: that the hazard is removed, a review on site, or
    that the person in charge agrees after one.
    """

    code: str
    title_zh: str
    title_en: str
    concerns: Literal["any", "major"]
    limit: str | None
    basis_zh: str
    basis_en: str
    in_force_from: date
    to_be_confirmed: bool
    ends_by: Literal["removal", "review", "agreement"]
    ends_basis_zh: str
    ends_basis_en: str
    ends_to_be_confirmed: bool


class MeasureView(View):
    """One on-site measure. `number` and `decided_on` are null until it is in writing."""

    id: UUID
    version: int
    authority_id: UUID
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    kinds: list[str]
    place: str
    ground: str
    is_oral_first: bool
    ordered_at: datetime
    number: str | None
    decided_on: date | None
    status: Status
    created_at: datetime


class MeasureHazardView(View):
    """A hazard it covers, as it stands."""

    id: UUID
    number: str
    level: str
    status: str
    description: str


class MeasureStepView(View):
    """One step."""

    action: str
    from_status: str | None
    to_status: str
    on_date: date
    user_id: UUID | None
    visit_id: UUID | None
    ground: (
        Literal["request", "own_motion", "expired", "own_finding", "superior", "reconsideration", "judgment"]
        | None
    )
    note: str | None
    evidence_ids: list[UUID]
    created_at: datetime


class MeasureDetail(MeasureView):
    """A measure with its officers, hazards, history and clocks.

    `lacks_major`: one of its kinds is for major hazards only, and none that it covers is confirmed as major yet.
    """

    officers: list[OfficerView]
    hazards: list[MeasureHazardView]
    steps: list[MeasureStepView]
    clocks: list[ClockView]
    lacks_major: bool
