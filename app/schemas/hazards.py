"""Hazards on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.enums.hazards import ReinspectionOutcome
from app.schemas.common import View, Wire
from app.schemas.extensions import ExtensionView

Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Evidence = Annotated[list[UUID], Field(default_factory=list, max_length=100)]


class RectifiedRequest(Wire):
    """What was done, with its evidence."""

    note: Note
    evidence_ids: Evidence


class ReinspectionRequest(Wire):
    """What the re-inspection visit found. `outcome` tells a hazard that is worse than it was from one that is as it was.

    Without it, what is not rectified is unchanged. Resolved is what is rectified, and nothing else.
    """

    visit_id: UUID
    is_rectified: bool
    outcome: ReinspectionOutcome | None = None
    note: Note | None = None


class CloseRequest(Wire):
    """A remark at the end."""

    note: Note | None = None


class HazardView(View):
    """One hazard; `is_overdue` is computed on the day of asking; null: the deadline is not known yet.

    `merged_into_id`: the hazard that stays instead of this one, which takes no further step.
    """

    id: UUID
    version: int
    number: str
    level: str
    clause: str | None
    major_since: date | None
    source: str
    authority_id: UUID
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    risk_unit_id: UUID | None
    visit_id: UUID | None
    item_code: str | None
    subject: str | None
    description: str
    found_on: date
    evidence_ids: list[UUID]
    status: str
    due_on: date | None
    closed_on: date | None
    merged_into_id: UUID | None
    is_overdue: bool | None


class OrderView(View):
    """What one rectification order says of the hazard, as it was issued; what extended its period since is told beside it."""

    id: UUID
    number: str
    issued_on: date
    days: int
    day_kind: str
    due_on: date | None
    requirement: str
    issued_by: UUID


class StepView(View):
    """One step; without a user it was the system's, or the enterprise's by its invited person (`invitation_id`)."""

    action: str
    from_status: str | None
    to_status: str
    on_date: date
    user_id: UUID | None
    invitation_id: UUID | None
    visit_id: UUID | None
    note: str | None
    evidence_ids: list[UUID]
    created_at: datetime


class ReinspectionView(View):
    """One re-inspection, what it found, and the photographs before (when found, or of the reported rectification) and after."""

    visit_id: UUID | None
    on_date: date
    is_rectified: bool
    outcome: ReinspectionOutcome
    note: str | None
    before: list[UUID]
    rectification: list[UUID]
    after: list[UUID]


class RecurrenceView(View):
    """The other hazard of a return: `ground` item (of the same unit) or clause; `days` between its closing and the new finding.

    Which one it is is told to whoever may read it.
    """

    hazard_id: UUID | None
    number: str | None
    ground: Literal["item", "clause"]
    closed_on: date
    days: int


class ReboundView(View):
    """Hazards of a group (a clause, an item or a region's id) closed in the period, and how many of them came back."""

    group: str
    closed: int
    came_back: int


class ReportView(View):
    """What a hazard was registered from, when no visit found it; who gave a tip is not told here.

    `suspected_clauses`: by which it may be major; `suspected_by` machine: by the facts that were stated. Suspected is not major.
    """

    reference: str | None
    from_authority: str | None
    whistle_id: UUID | None
    received_at: datetime
    reported_by: UUID | None
    suspected_clauses: list[str]
    suspected_by: Literal["machine", "person"] | None


class HazardDetail(HazardView):
    """A hazard with its orders, its history, and each re-inspection's photographs beside those it was found with.

    `came_back_from`: closed hazards it is the return of; `came_back_as`: hazards that are the return of this one.
    """

    merged_here: list[UUID]
    report: ReportView | None
    orders: list[OrderView]
    extensions: list[ExtensionView]
    steps: list[StepView]
    reinspections: list[ReinspectionView]
    came_back_from: list[RecurrenceView]
    came_back_as: list[RecurrenceView]


class SettingView(View):
    """A setting of the registry that no statute fixes; `to_be_confirmed`: it needs checking by the authority."""

    name: str
    value: int
    unit: str
    label_zh: str
    label_en: str
    source_zh: str
    source_en: str
    to_be_confirmed: bool


class HazardCount(View):
    """How many hazards of a level and state, and how many of these are overdue."""

    level: str
    status: str
    count: int
    overdue: int


class HazardTotal(View):
    """Hazards of one group: all, not closed, overdue. `group`: a region's id, a code or a state; null: those without one."""

    group: str | None
    name: str | None
    count: int
    open: int
    overdue: int


class HazardTotals(View):
    """Groups, the largest first, and the whole. A hazard of an enterprise of two trades is in both groups, once in the whole."""

    by: Literal["region", "district", "level", "trade", "clause", "status"]
    groups: list[HazardTotal]
    whole: HazardTotal
