"""Template versions on the wire. The content itself is shaped in schemas/checklist_content.py."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.enums.checklists import TemplateStatus
from app.schemas.common import View, Wire


class DraftRequest(Wire):
    """The content of a draft, kept exactly as written."""

    body: Annotated[dict[str, Any], Field(description="See the schema Checklist")]


class WithdrawRequest(Wire):
    """Why a version is no longer given out."""

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*\S[^\x00]*$")]


class VersionView(View):
    """One version, without its content. `version` is the row's version (ETag), `number` the checklist's."""

    id: UUID
    code: str
    number: int
    status: TemplateStatus
    origin: Literal["shipped", "console"]
    title_zh: str
    title_en: str
    in_force_from: date
    content_hash: str
    version: int
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    withdrawn_at: datetime | None
    withdrawn_reason: str | None


class VersionDetail(VersionView):
    """One version with its content, as it was written."""

    body: dict[str, Any]


class DifferenceView(View):
    """One changed part: checklist, setting:KEY, document:CODE, section:CODE or item:CODE, and which of its members."""

    change: Literal["added", "removed", "changed"]
    at: str
    fields: list[str]
    before: Any
    after: Any


class DifferencesView(BaseModel):
    """What changed from one version to another; empty when their contents are the same."""

    before_id: UUID
    after_id: UUID
    differences: list[DifferenceView]


class TemplateView(View):
    """A checklist a phone may fill in; download its content by the hash, once."""

    code: str
    number: int
    status: TemplateStatus
    title_zh: str
    title_en: str
    in_force_from: date
    content_hash: str


class TemplateList(BaseModel):
    """The checklists in force on a day, one version of each."""

    on: date
    templates: list[TemplateView]
