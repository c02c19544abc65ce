"""What phones pull: documents by collection, with the checkpoint to go on from. The shape is RxDB's HTTP replication."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.enums.sync import SyncCollection
from app.schemas.common import View
from app.schemas.mobile.packages import Issue


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


class ReducedCopy(View):
    """A reduced copy of a photograph, to be fetched beforehand; whoever has these bytes already need not fetch them."""

    hash: str
    size: int
    path: str


class PhotoDocument(View):
    """A photograph by the hash of its original; `copies` by longest side in pixels."""

    id: UUID
    hash: str
    size: int
    media_type: str
    captured_at: datetime | None
    copies: dict[str, ReducedCopy]


class HazardDocument(Document):
    """An open hazard. Whether it is overdue the phone sees from `due_on` and `status`."""

    version: int
    number: str
    level: str
    clause: str | None
    major_since: date | None
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    risk_unit_id: UUID | None
    item_code: str | None
    subject: str | None
    description: str
    found_on: date
    status: str
    due_on: date | None
    requirement: str | None
    before_photos: list[PhotoDocument]
    rectification_photos: list[PhotoDocument]


class ChecklistDocument(Document):
    """A published version with its content; a withdrawn one without. `content`: its canonical bytes, whose hash it is."""

    version: int
    code: str
    number: int
    status: Literal["published", "withdrawn"]
    title_zh: str
    title_en: str
    in_force_from: date
    content_hash: str
    content: str
    published_at: datetime | None
    withdrawn_at: datetime | None
    withdrawn_reason: str | None
    body: dict[str, Any] | None


class CertificateDocument(View):
    """An enforcement certificate: valid from its first to its last day, unless revoked."""

    number: str
    valid_from: date
    valid_until: date
    revoked_on: date | None


class MemberDocument(Document):
    """Somebody of the caller's authority, or of one of his teams."""

    version: int
    name: str
    authority_id: UUID
    brigade_id: UUID | None
    region_id: UUID
    certificates: list[CertificateDocument]


class BrigadeDocument(Document):
    """A brigade, or a squad of one."""

    version: int
    authority_id: UUID
    parent_id: UUID | None
    name: str


class PackageDocument(Document):
    """One of the caller's packages as pushed, with what the server stamps on it.

    Which of its files are missing is asked at `POST /mobile/v1/evidence/check`. `reason`: why it was set aside or rejected.
    `is_standing`: no correction has taken its place; None until it is processed.
    """

    sealed: str | None
    key_id: str
    signature: str
    hash: str
    device_id: UUID
    status: str
    reason: str | None
    received_at: datetime
    kind: str | None
    visit_id: UUID | None
    supersedes_id: UUID | None
    is_standing: bool | None
    fork_status: str | None
    issues: list[Issue]
    signable: bool
    receipt: bool
    receipt_hash: str | None


class ShippedDocument(View):
    """The law, or a year's notice of holidays: the same for everybody. It changes as a whole: with a new version of the program,
    rules that are published, a notice that is imported."""

    model_config = ConfigDict(extra="allow")

    id: str
    deleted: Annotated[Literal[False], Field(alias="_deleted")]


class LawDocument(ShippedDocument):
    """A law in one version, a clause of a determination standard with its questions, or an article on liability."""

    kind: Literal["law", "clause", "article"]


class HolidaysDocument(ShippedDocument):
    """The notice in force of one year: its days off, the weekend days on which people work, and where they are from."""

    year: int
    holidays: list[date]
    make_up_workdays: list[date]
    title: str
    document_number: str | None
    issued_on: date | None
    source: str
    to_be_confirmed: bool


DOCUMENTS: dict[str, tuple[type[View], ...]] = {
    SyncCollection.ASSIGNMENTS: (AssignmentDocument,),
    SyncCollection.SITES: (SiteDocument, SiteStub),
    SyncCollection.ENTERPRISES: (EnterpriseDocument, EnterpriseStub),
    SyncCollection.HAZARDS: (HazardDocument,),
    SyncCollection.CHECKLISTS: (ChecklistDocument,),
    SyncCollection.ROSTERS: (MemberDocument,),
    SyncCollection.BRIGADES: (BrigadeDocument,),
    SyncCollection.PACKAGES: (PackageDocument,),
    SyncCollection.LAW: (LawDocument,),
    SyncCollection.HOLIDAYS: (HolidaysDocument,),
}
"""What a collection holds; each may also hold tombstones."""

AnyDocument = (
    Tombstone
    | AssignmentDocument
    | EnterpriseDocument
    | EnterpriseStub
    | SiteDocument
    | SiteStub
    | HazardDocument
    | ChecklistDocument
    | MemberDocument
    | BrigadeDocument
    | PackageDocument
    | LawDocument
    | HolidaysDocument
)


class Checkpoint(BaseModel):
    """Where the phone stands in the collection: opaque, signed, good for this user on this device only."""

    cursor: str


class PullPage(BaseModel):
    """Changed documents in their order. Fewer than asked for: the phone has everything for now, and `has_more` is false."""

    documents: list[AnyDocument]
    checkpoint: Checkpoint
    has_more: bool
