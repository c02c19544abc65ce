"""Everything the server knows beside a package, read in one statement: before it is kept, and again if somebody came first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Row, Select, Uuid, and_, bindparam, exists, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from app.models.checklists import Template, TemplateVersion
from app.models.enterprises import Enterprise, RiskUnit, Site, SiteLink
from app.models.identity import Device, User
from app.models.inspections import Assignment, AssignmentMember, Package, ReceiptChain, Visit
from app.models.organizations import Authority
from app.schemas.mobile.packages import Envelope
from app.services.identity.certificates import certified_officers
from app.services.inspections.judgement import KnownAssignment
from app.services.inspections.receipts import ChainHead
from app.services.organizations.jurisdiction import covers


@dataclass(frozen=True, slots=True)
class KnownSite:
    """The site a package names; `is_enterprises`: the enterprise it names is the site's, or its operator or landlord."""

    id: UUID
    region_id: UUID
    is_enterprises: bool
    risk_unit_id: UUID | None
    """The unit it names, if that is one of the site's."""


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
    kind: str
    visited_on: date


@dataclass(frozen=True, slots=True)
class KnownPackage:
    """The package a correction names."""

    kind: str
    user_id: UUID
    site_id: UUID


@dataclass(frozen=True, slots=True)
class Context:
    """What stands in the database beside one package; None where the package names nothing, or nothing known."""

    key_id: str
    public_key: Mapping[str, Any]
    is_processed: bool
    site: KnownSite | None
    trades: list[str] | None
    """The enterprise's regulated trades; None: there is no such enterprise."""
    is_authority_known: bool
    authority_covers_site: bool
    assignment: KnownAssignment | None
    template: KnownTemplate | None
    visit: KnownVisit | None
    superseded: KnownPackage | None
    certified: frozenset[UUID]
    chain: ChainHead


def _id(name: str) -> Any:
    return bindparam(name, type_=Uuid)


def _array(wanted: Select[Any]) -> Any:
    return func.array(wanted.scalar_subquery(), type_=ARRAY(Uuid))


_DAY = bindparam("legal_date", type_=Date)
_OFFICERS = User.id == func.any(bindparam("officers", type_=ARRAY(Uuid)))
_MEMBERS = select(AssignmentMember.user_id).where(AssignmentMember.assignment_id == Assignment.id)
_LINKED = exists().where(
    SiteLink.site_id == Site.id,
    SiteLink.enterprise_id == Enterprise.id,
    SiteLink.valid_from <= _DAY,
    or_(SiteLink.valid_until.is_(None), SiteLink.valid_until >= _DAY),
)
_EARLIER, _EARLIER_VISIT = aliased(Package), aliased(Visit)

# Every join is on a unique key: one row at most, none for what the package does not name.
_CONTEXT = (
    select(
        Device.key_id,
        Device.public_key,
        Site.region_id,
        or_(Site.enterprise_id == Enterprise.id, _LINKED).label("is_sites_enterprise"),
        RiskUnit.id.label("risk_unit_id"),
        Enterprise.regulated_trades,
        Authority.id.label("authority_id"),
        covers(_id("authority_id"), Site.region_id, _DAY).label("authority_covers_site"),
        Assignment.id.label("assignment_id"),
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
        Visit.kind.label("visit_kind"),
        Visit.visited_on,
        _EARLIER.kind.label("earlier_kind"),
        _EARLIER.user_id.label("earlier_user_id"),
        _EARLIER_VISIT.site_id.label("earlier_site_id"),
        ReceiptChain.number.label("receipt_number"),
        ReceiptChain.sha256.label("receipt_sha256"),
        _array(certified_officers(_OFFICERS, _DAY, _DAY)).label("certified"),
        exists().where(Package.id == _id("package_id")).label("is_processed"),
    )
    .select_from(Device)
    .outerjoin(Site, Site.id == _id("site_id"))
    .outerjoin(RiskUnit, and_(RiskUnit.id == _id("risk_unit_id"), RiskUnit.site_id == Site.id))
    .outerjoin(Enterprise, Enterprise.id == _id("enterprise_id"))
    .outerjoin(Authority, Authority.id == _id("authority_id"))
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
    .outerjoin(_EARLIER, _EARLIER.id == _id("superseded_id"))
    .outerjoin(_EARLIER_VISIT, _EARLIER_VISIT.id == _EARLIER.visit_id)
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
        site=_site(row, envelope),
        trades=row.regulated_trades,
        is_authority_known=row.authority_id is not None,
        authority_covers_site=row.authority_covers_site,
        assignment=_assignment(row),
        template=_template(row),
        visit=_visit(row),
        superseded=_superseded(row),
        certified=frozenset(row.certified),
        chain=ChainHead(row.receipt_number or 0, row.receipt_sha256),
    )


def _named(device_id: UUID, package_id: UUID, envelope: Envelope | None) -> dict[str, Any]:
    """Who and what the envelope names. An assistant's record does no assignment and has no officers."""
    names: dict[str, Any] = {"device_id": device_id, "package_id": package_id}
    if envelope is None:
        return dict.fromkeys(_NAMES) | names | {"officers": []}
    is_enforcement = envelope.kind.is_enforcement
    return names | {
        "site_id": envelope.site_id,
        "risk_unit_id": envelope.risk_unit_id,
        "enterprise_id": envelope.enterprise_id,
        "authority_id": envelope.authority_id,
        "assignment_id": envelope.assignment_id if is_enforcement else None,
        "template_code": envelope.template.code if envelope.template else None,
        "template_hash": envelope.template.hash if envelope.template else None,
        "visit_id": envelope.visit_id,
        "superseded_id": envelope.supersedes.id if envelope.supersedes else None,
        "officers": list(envelope.officers) if is_enforcement else [],
        "legal_date": envelope.legal_date,
    }


_NAMES = (
    "site_id", "risk_unit_id", "enterprise_id", "authority_id", "assignment_id", "template_code", "template_hash", "visit_id",
    "superseded_id", "legal_date",
)  # fmt: skip


def _site(row: Row[Any], envelope: Envelope | None) -> KnownSite | None:
    if envelope is None or row.region_id is None:
        return None
    return KnownSite(envelope.site_id, row.region_id, bool(row.is_sites_enterprise), row.risk_unit_id)


def _assignment(row: Row[Any]) -> KnownAssignment | None:
    if row.assignment_id is None:
        return None
    return KnownAssignment(
        row.assigned_site_id,
        row.planned_from,
        row.planned_until,
        frozenset(row.members),
        row.assignment_status == "cancelled",
    )


def _template(row: Row[Any]) -> KnownTemplate | None:
    if row.version_id is None:
        return None
    return KnownTemplate(row.version_id, row.version_number, row.version_status, row.content_hash)


def _visit(row: Row[Any]) -> KnownVisit | None:
    if row.visited_on is None:
        return None
    return KnownVisit(row.visited_site_id, row.visiting_authority_id, row.visit_kind, row.visited_on)


def _superseded(row: Row[Any]) -> KnownPackage | None:
    if row.earlier_kind is None:
        return None
    return KnownPackage(row.earlier_kind, row.earlier_user_id, row.earlier_site_id)
