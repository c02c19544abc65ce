"""Everything the server knows beside a package, read in one statement: before it is kept, and again if somebody came first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Row, Select, Uuid, and_, bindparam, exists, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.models.checklists import Template, TemplateVersion
from app.models.enterprises import Site
from app.models.evidence import EvidenceFile
from app.models.identity import Device, User
from app.models.inspections import Assignment, AssignmentMember, Package, ReceiptChain, Visit
from app.schemas.mobile.packages import Envelope
from app.services.identity.certificates import certified_officers
from app.services.inspections.receipts import ChainHead
from app.services.organizations.jurisdiction import covers


@dataclass(frozen=True, slots=True)
class KnownSite:
    """The site a package names."""

    id: UUID
    region_id: UUID
    enterprise_id: UUID


@dataclass(frozen=True, slots=True)
class KnownAssignment:
    """The assignment a package names."""

    id: UUID
    site_id: UUID
    planned_from: date
    planned_until: date
    members: frozenset[UUID]
    is_cancelled: bool


@dataclass(frozen=True, slots=True)
class KnownTemplate:
    """The published or withdrawn version a package was filled in with."""

    id: UUID
    number: int
    status: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class KnownVisit:
    """The visit an earlier package made."""

    site_id: UUID
    authority_id: UUID
    visited_on: date


@dataclass(frozen=True, slots=True)
class Context:
    """What stands in the database beside one package; None where the package names nothing or nothing known."""

    key_id: str
    public_key: Mapping[str, Any]
    is_processed: bool
    site: KnownSite | None
    assignment: KnownAssignment | None
    template: KnownTemplate | None
    visit: KnownVisit | None
    certified: frozenset[UUID]
    authority_covers_site: bool
    is_superseded_known: bool
    has_early_evidence: bool
    chain: ChainHead


def _id(name: str) -> Any:
    return bindparam(name, type_=Uuid)


def _array(wanted: Select[Any]) -> Any:
    return func.array(wanted.scalar_subquery(), type_=ARRAY(Uuid))


_DAY = bindparam("legal_date", type_=Date)
_OFFICERS = User.id == func.any(bindparam("officers", type_=ARRAY(Uuid)))
_MEMBERS = select(AssignmentMember.user_id).where(AssignmentMember.assignment_id == Assignment.id)
# Every join is on a unique key: one row at most, none for what the package does not name.
_CONTEXT = (
    select(
        Device.key_id,
        Device.public_key,
        Site.region_id,
        Site.enterprise_id,
        Assignment.site_id.label("assigned_site_id"),
        Assignment.planned_from,
        Assignment.planned_until,
        Assignment.status.label("assignment_status"),
        _array(_MEMBERS).label("members"),
        TemplateVersion.id.label("version_id"),
        TemplateVersion.number.label("version_number"),
        TemplateVersion.status.label("version_status"),
        TemplateVersion.content_hash,
        Visit.site_id.label("visited_site_id"),
        Visit.authority_id.label("visiting_authority_id"),
        Visit.visited_on,
        ReceiptChain.number.label("receipt_number"),
        ReceiptChain.sha256.label("receipt_sha256"),
        _array(certified_officers(_OFFICERS, _DAY, _DAY)).label("certified"),
        covers(_id("authority_id"), Site.region_id, _DAY).label("authority_covers_site"),
        exists().where(Package.id == _id("package_id")).label("is_processed"),
        exists().where(Package.id == _id("superseded_id")).label("is_superseded_known"),
        exists().where(EvidenceFile.package_id == _id("package_id")).label("has_early_evidence"),
    )
    .select_from(Device)
    .outerjoin(Site, Site.id == _id("site_id"))
    .outerjoin(Assignment, Assignment.id == _id("assignment_id"))
    .outerjoin(Template, Template.code == bindparam("template_code"))
    .outerjoin(
        TemplateVersion,
        and_(
            TemplateVersion.template_id == Template.id,
            TemplateVersion.content_hash == bindparam("template_hash"),
            TemplateVersion.status != "draft",
        ),
    )
    .outerjoin(Visit, Visit.id == _id("visit_id"))
    .outerjoin(ReceiptChain, ReceiptChain.device_id == Device.id)
    .where(Device.id == _id("device_id"))
)


async def read_context(
    connection: AsyncConnection | AsyncSession, device_id: UUID, package_id: UUID, envelope: Envelope | None
) -> Context:
    """One statement. `envelope` None: the bytes are no envelope, so only the phone's key is known."""
    row = (await connection.execute(_CONTEXT, _named(device_id, package_id, envelope))).one()
    return Context(
        key_id=row.key_id,
        public_key=row.public_key,
        is_processed=row.is_processed,
        site=KnownSite(envelope.site_id, row.region_id, row.enterprise_id)
        if envelope and row.region_id
        else None,
        assignment=_assignment(row, envelope),
        template=KnownTemplate(row.version_id, row.version_number, row.version_status, row.content_hash)
        if row.version_id
        else None,
        visit=KnownVisit(row.visited_site_id, row.visiting_authority_id, row.visited_on)
        if row.visited_on
        else None,
        certified=frozenset(row.certified),
        authority_covers_site=row.authority_covers_site,
        is_superseded_known=row.is_superseded_known,
        has_early_evidence=row.has_early_evidence,
        chain=ChainHead(row.receipt_number or 0, row.receipt_sha256),
    )


def _assignment(row: Row[Any], envelope: Envelope | None) -> KnownAssignment | None:
    if envelope is None or envelope.assignment_id is None or row.assignment_status is None:
        return None
    return KnownAssignment(
        envelope.assignment_id,
        row.assigned_site_id,
        row.planned_from,
        row.planned_until,
        frozenset(row.members),
        row.assignment_status == "cancelled",
    )


def _named(device_id: UUID, package_id: UUID, envelope: Envelope | None) -> dict[str, Any]:
    """Who and what the envelope names."""
    officers: Sequence[UUID] = envelope.officers if envelope else ()
    template = envelope.template if envelope else None
    return {
        "device_id": device_id,
        "package_id": package_id,
        "site_id": envelope.site_id if envelope else None,
        "assignment_id": envelope.assignment_id if envelope else None,
        "template_hash": template.hash if template else None,
        "template_code": template.code if template else None,
        "visit_id": envelope.visit_id if envelope else None,
        "officers": list(officers),
        "legal_date": envelope.legal_date if envelope else None,
        "authority_id": envelope.authority_id if envelope else None,
        "superseded_id": envelope.supersedes.id if envelope and envelope.supersedes else None,
    }
