"""Placards on the wire, at the console."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.schemas.common import View, Wire
from app.schemas.extensions import ExtensionView

PlacardState = Literal["proposed", "in_force", "refused", "removed", "withdrawn"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=2000)]


class PlacardRequest(Wire):
    """What is proposed. `contact_id`: who at the enterprise answers for the removal; `supervisor_id`: who watches it, of an
    authority that covers the place; whoever decides may name another.

    `text_zh` and `text_en` are for the public.
    """

    kind: Annotated[str, StringConstraints(max_length=50)]
    days: int = Field(ge=1, le=1000)
    requirement: Text
    text_zh: Text
    text_en: Text
    contact_id: UUID
    supervisor_id: UUID


class PlacardReasonRequest(Wire):
    """On what ground the step is taken."""

    reason: Text


class PlacardDecisionRequest(PlacardReasonRequest):
    """On what ground it is put up. `authority_id`: in whose name, unless the decider's own authority's: one that has entrusted it;
    `supervisor_id`: who of that authority watches it, unless as proposed."""

    authority_id: UUID | None = None
    supervisor_id: UUID | None = None


class PlacardSupervisorRequest(PlacardReasonRequest):
    """Who watches it from today on, of the authority in whose name it stands, and why."""

    supervisor_id: UUID


class PlacardKindView(View):
    """A kind. `needs`: what must hold of the hazard; `deciders`: by role, at which levels of region."""

    code: str
    title_zh: str
    title_en: str
    word: str
    needs: list[str]
    deciders: dict[str, list[str]]
    basis_zh: str
    basis_en: str
    to_be_confirmed: bool


class PlacardView(View):
    """A placard. Number, day, deciding person and last day come with the decision; `authority_id` is the hazard's until then, and
    from then on the one that decided.

    `standing_hazard_id`: the hazard it was decided for, or the one that was merged into. `removal_due`: it is in force while that
    was found rectified or is closed.
    """

    id: UUID
    version: int
    hazard_id: UUID
    authority_id: UUID
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    kind: str
    status: PlacardState
    days: int
    requirement: str
    text_zh: str
    text_en: str
    contact_id: UUID
    supervisor_id: UUID
    number: str | None
    decided_on: date | None
    decided_by: UUID | None
    due_on: date | None
    created_at: datetime
    standing_hazard_id: UUID
    removal_due: bool


class PlacardStepView(View):
    """One step of its history. `supervisor_id`: who watches it from then on; null: from before that was written down."""

    action: str
    from_status: str | None
    to_status: str
    on_date: date
    user_id: UUID | None
    note: str | None
    supervisor_id: UUID | None


class PlacardPlanRequest(Wire):
    """The five fixings of the enterprise's plan: who answers (a contact), measures, funds, last day, emergency plan."""

    contact_id: UUID
    measures: Text
    funds_fen: int = Field(ge=0, le=10**15)
    due_on: date
    contingency: Text


class PlacardPlanView(View):
    """A plan as it was written down; the newest holds."""

    id: UUID
    contact_id: UUID
    measures: str
    funds_fen: int
    due_on: date
    contingency: str
    recorded_by: UUID
    created_at: datetime


class PlacardProgressRequest(Wire):
    """What was done in a month; any of its days names it."""

    month: date
    text: Text


class ProgressCorrectionRequest(Wire):
    """What a month's entry should have said, and why."""

    text: Text
    reason: Text


class ProgressCorrectionView(View):
    """One correction of an entry."""

    text: str
    reason: str
    recorded_by: UUID
    created_at: datetime


class PlacardProgressView(View):
    """What was done in the month that begins on `month`.

    `text` is what holds: `recorded_text`, as it was first written, or the newest of the corrections (oldest first).
    """

    id: UUID
    month: date
    text: str
    recorded_text: str
    recorded_by: UUID
    created_at: datetime
    corrections: list[ProgressCorrectionView]


class PlacardDetail(PlacardView):
    """A placard with its history. `public_url`: where everybody reads it while it is in force."""

    public_url: str | None
    extensions: list[ExtensionView]
    plans: list[PlacardPlanView]
    progress: list[PlacardProgressView]
    missing_months: list[date]
    steps: list[PlacardStepView]
