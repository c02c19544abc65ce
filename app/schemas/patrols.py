"""Patrols and whistles on the wire."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from app.schemas.common import View, Wire

Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class AcknowledgeRequest(Wire):
    """A remark, when there is one."""

    note: Note | None = None


class WhistledHazard(Wire):
    """The hazard that the whistle was right about, in an officer's words; found on the day of the whistle, with its photographs."""

    description: Note
    risk_unit_id: UUID | None = None
    subject: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = (
        None
    )
    suspected_clause: Annotated[str, Field(max_length=50)] | None = None


class HandleRequest(Wire):
    """What was done, the enforcement visit that did it, and the hazard that is to be registered, when there are such."""

    note: Note
    visit_id: UUID | None = None
    hazard: WhistledHazard | None = None


class DismissRequest(Wire):
    """Why nothing is to be done."""

    reason: Note


class PatrolView(View):
    """One patrol record; `id` is its package's."""

    id: UUID
    visit_id: UUID
    authority_id: UUID
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    user_id: UUID
    patrolled_on: date
    note: str | None
    points: list[dict[str, Any]]
    abnormal_points: int
    evidence_ids: list[UUID]
    supersedes_id: UUID | None
    is_superseded: bool
    created_at: datetime


class PatrolCounts(View):
    """Records, the visits they belong to, the enterprises they were at, and how many saw something abnormal."""

    records: int
    visits: int
    enterprises: int
    abnormal: int


class WhistleView(View):
    """One whistle; `id` is its package's."""

    id: UUID
    version: int
    visit_id: UUID
    authority_id: UUID
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    user_id: UUID
    raised_on: date
    what: str
    urgency: str
    evidence_ids: list[UUID]
    status: str
    handling_visit_id: UUID | None
    supersedes_id: UUID | None
    is_superseded: bool
    created_at: datetime


class WhistleStepView(View):
    """One step."""

    action: str
    from_status: str | None
    to_status: str
    user_id: UUID | None
    visit_id: UUID | None
    note: str | None
    created_at: datetime


class WhistleDetail(WhistleView):
    """A whistle with its history, and the hazard its handling has registered."""

    hazard_id: UUID | None
    steps: list[WhistleStepView]


class WhistleCount(View):
    """How many whistles of a state and an urgency."""

    status: str
    urgency: str
    count: int
