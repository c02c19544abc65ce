"""Campaigns on the wire."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.schemas.common import View, Wire
from app.schemas.enterprises import Name
from app.schemas.hazards import HazardCount, ReboundView
from app.schemas.inspections import VisitCount


class CampaignContent(Wire):
    """What can be changed of a campaign; it runs from `starts_on` to `ends_on`, both included."""

    name_zh: Name
    name_en: Name | None = None
    starts_on: date
    ends_on: date
    purpose: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]

    @model_validator(mode="after")
    def _period(self) -> Self:
        if self.ends_on < self.starts_on:
            raise ValueError("ends_on lies before starts_on")
        return self


class CampaignRequest(CampaignContent):
    """A new campaign of an authority in a region, which stay what they are."""

    authority_id: UUID
    region_id: UUID


class CampaignView(View):
    """One campaign; `state` is that of its period today: planned, running or closed."""

    id: UUID
    version: int
    name_zh: str
    name_en: str | None
    authority_id: UUID
    region_id: UUID
    starts_on: date
    ends_on: date
    purpose: str
    state: str
    created_by: UUID
    created_at: datetime


class MembersRequest(Wire):
    """Assignments to put into a campaign or to take out of it."""

    assignment_ids: Annotated[list[UUID], Field(min_length=1, max_length=200)]


class MembersView(View):
    """How many assignments were put in or taken out, and of how many that was so already."""

    changed: int
    unchanged: int


class AssignmentCount(View):
    """How many assignments of a status."""

    status: str
    count: int


class ProgressView(View):
    """How far a campaign is: its assignments, the visits made for them, and the hazards found on these, as they stand now."""

    assignments: list[AssignmentCount]
    visits: list[VisitCount]
    hazards: list[HazardCount]


class CampaignReboundView(ReboundView):
    """The same of a campaign: `group` is its id."""

    name_zh: str
    name_en: str | None
