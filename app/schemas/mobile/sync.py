"""What phones pull: documents by collection, with the checkpoint to go on from. The shape is RxDB's HTTP replication."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.common import View


class Tombstone(View):
    """The caller does not hold this document any more."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    deleted: Annotated[Literal[True], Field(alias="_deleted")]


class Document(View):
    """A whole document; it replaces what the phone has under its id."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    deleted: Annotated[Literal[False], Field(alias="_deleted")]


class AssignmentDocument(Document):
    """One of the caller's own assignments; site and enterprise are documents of their own collections."""

    version: int
    status: str
    kind: str
    authority_id: UUID
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    planned_from: date
    planned_until: date
    officers: list[UUID]
    template_version_ids: list[UUID]
    hazard_ids: list[UUID]
    note: str | None
    created_at: datetime


class EnterpriseStub(Document):
    """An enterprise of the caller's regions that no assignment names: to be found by, without its people."""

    detail: Literal["stub"]
    version: int
    name: str
    uscc: str | None
    substitute_mark: str | None
    region_id: UUID
    address: str | None
    regulated_trades: list[str]
    risk_grade: str | None
    is_active: bool


class ContactDocument(View):
    """A person of the enterprise, masked."""

    id: UUID
    name: str
    post: str | None
    phone: str | None


class EnterpriseDocument(EnterpriseStub):
    """An enterprise of an assigned site (its own, its operator, its landlord) in full."""

    detail: Literal["full"]  # type: ignore[assignment]
    parent_id: UUID | None
    trade_code: str | None
    size: str | None
    annual_output_fen: int | None
    employees: int | None
    is_labour_intensive: bool
    contacts: list[ContactDocument]


class SiteStub(Document):
    """A site of the caller's regions that no assignment names; its position in microdegrees of WGS-84."""

    detail: Literal["stub"]
    version: int
    enterprise_id: UUID
    region_id: UUID
    name: str
    address: str | None
    latitude: int | None
    longitude: int | None
    is_active: bool


class SiteLinkDocument(View):
    """Who operates or lets the site, from when until when, both days included."""

    id: UUID
    enterprise_id: UUID
    role: str
    valid_from: date
    valid_until: date | None


class UnitDocument(View):
    """One unit of risk with what is known of it."""

    id: UUID
    version: int
    kind: str
    name: str
    facts: dict[str, Any]
    is_active: bool


class SiteDocument(SiteStub):
    """An assigned site in full."""

    detail: Literal["full"]  # type: ignore[assignment]
    declared_datum: str | None
    geofence: dict[str, Any] | None
    links: list[SiteLinkDocument]
    units: list[UnitDocument]


AnyDocument = Tombstone | AssignmentDocument | EnterpriseDocument | EnterpriseStub | SiteDocument | SiteStub


class Checkpoint(BaseModel):
    """Where the phone stands in the collection: opaque, signed, good for this user on this device only."""

    cursor: str


class PullPage(BaseModel):
    """Changed documents in their order. Fewer than asked for: the phone has everything for now, and `has_more` is false."""

    documents: list[AnyDocument]
    checkpoint: Checkpoint
    has_more: bool
