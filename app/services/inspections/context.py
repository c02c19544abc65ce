"""Everything the server knows beside packages, read in one statement: before they are kept, and again if somebody came first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Row,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    column,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from app.db.fixed import Fixed
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
    """The package a correction names. `is_senders`: the sender is its author, an officer or of the team, or of its authority."""

    kind: str
    user_id: UUID
    is_senders: bool
    site_id: UUID
    visit_id: UUID
    root_id: UUID
    sha256: str


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


@dataclass(frozen=True, slots=True)
class Named:
    """A package and what its envelope names. `envelope` None: the bytes are no envelope, so only the phone's key is known."""

    device_id: UUID
    package_id: UUID
    envelope: Envelope | None


def _array(wanted: Select[Any]) -> Any:
    return func.array(wanted.scalar_subquery(), type_=ARRAY(Uuid))


_NAMES = (
    "device_id", "package_id", "site_id", "risk_unit_id", "enterprise_id", "authority_id", "assignment_id", "visit_id",
    "superseded_id",
)  # fmt: skip
_NAMED = (
    func.jsonb_to_recordset(bindparam("named", type_=JSONB))
    .table_valued(
        column("place", Integer),
        *(column(name, Uuid) for name in _NAMES),
        column("template_code", Text),
        column("template_hash", Text),
        column("officers", ARRAY(Uuid)),
        column("legal_date", Date),
    )
    .render_derived(name="named", with_types=True)
)


def _named(name: str) -> ColumnElement[Any]:
    """A column of the row beside which is looked; as text, since SQLAlchemy loses sight of it in nested queries."""
    return literal_column(f"named.{name}", _NAMED.c[name].type)


_DAY = _named("legal_date")
_SITES_REGION: ColumnElement[Any] = literal_column("sites.region_id", Uuid)
_OFFICERS = User.id == func.any(_named("officers"))
_MEMBERS = select(AssignmentMember.user_id).where(AssignmentMember.assignment_id == Assignment.id)
_LINKED = exists().where(
    SiteLink.site_id == Site.id,
    SiteLink.enterprise_id == Enterprise.id,
    SiteLink.valid_from <= _DAY,
    or_(SiteLink.valid_until.is_(None), SiteLink.valid_until >= _DAY),
)
_EARLIER, _EARLIER_VISIT, _SENDER = aliased(Package), aliased(Visit), aliased(User)
_EARLIER_TEAM = select(AssignmentMember.user_id).where(
    AssignmentMember.assignment_id == _EARLIER_VISIT.assignment_id
)
_IS_SENDERS = or_(
    _SENDER.id == _EARLIER.user_id,
    _SENDER.id == func.any(_EARLIER.officer_ids),
    _SENDER.id.in_(_EARLIER_TEAM),
    _SENDER.authority_id == _EARLIER_VISIT.authority_id,
)

# Every join is on a unique key: one row at most, none for what the package does not name. OFFSET 0 keeps the look-ups of one
# package together, so that PostgreSQL asks its indexes however many packages it expects, and never reads a table for a few.
_BESIDE = (
    select(
        Device.key_id,
        Device.public_key,
        Site.region_id,
        or_(Site.enterprise_id == Enterprise.id, _LINKED).label("is_sites_enterprise"),
        RiskUnit.id.label("risk_unit_id"),
        Enterprise.regulated_trades,
        Authority.id.label("authority_id"),
        covers(_named("authority_id"), _SITES_REGION, _DAY).label("authority_covers_site"),
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
        _IS_SENDERS.label("earlier_is_senders"),
        _EARLIER_VISIT.site_id.label("earlier_site_id"),
        _EARLIER.visit_id.label("earlier_visit_id"),
        _EARLIER.root_id.label("earlier_root_id"),
        _EARLIER.sha256.label("earlier_sha256"),
        ReceiptChain.number.label("receipt_number"),
        ReceiptChain.sha256.label("receipt_sha256"),
        _array(certified_officers(_OFFICERS, _DAY, _DAY)).label("certified"),
        exists().where(Package.id == _named("package_id")).label("is_processed"),
    )
    .select_from(Device)
    .join(_SENDER, _SENDER.id == Device.user_id)
    .outerjoin(Site, Site.id == _named("site_id"))
    .outerjoin(RiskUnit, and_(RiskUnit.id == _named("risk_unit_id"), RiskUnit.site_id == Site.id))
    .outerjoin(Enterprise, Enterprise.id == _named("enterprise_id"))
    .outerjoin(Authority, Authority.id == _named("authority_id"))
    .outerjoin(Assignment, Assignment.id == _named("assignment_id"))
    .outerjoin(Template, Template.code == _named("template_code"))
    .outerjoin(
        TemplateVersion,
        and_(
            TemplateVersion.template_id == Template.id,
            TemplateVersion.content_hash == _named("template_hash"),
            TemplateVersion.status != "draft",
        ),
    )
    .outerjoin(Visit, Visit.id == _named("visit_id"))
    .outerjoin(_EARLIER, _EARLIER.id == _named("superseded_id"))
    .outerjoin(_EARLIER_VISIT, _EARLIER_VISIT.id == _EARLIER.visit_id)
    .outerjoin(ReceiptChain, ReceiptChain.device_id == Device.id)
    .where(Device.id == _named("device_id"))
    .offset(0)
    .lateral("beside")
)
_CONTEXTS = Fixed(select(_BESIDE).select_from(_NAMED).join(_BESIDE, true()).order_by(_NAMED.c.place))


async def read_contexts(
    connection: AsyncConnection | AsyncSession, packages: Sequence[Named]
) -> list[Context]:
    """What stands beside each package, in the order given; one statement."""
    named = [{"place": place, **_names(one)} for place, one in enumerate(packages)]
    rows = await _CONTEXTS.all(connection, {"named": named})
    return [_context(row, one.envelope) for row, one in zip(rows, packages, strict=True)]


async def read_context(connection: AsyncConnection | AsyncSession, package: Named) -> Context:
    """What stands beside one package."""
    return (await read_contexts(connection, [package]))[0]


def _context(row: Row[Any], envelope: Envelope | None) -> Context:
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


def _names(package: Named) -> dict[str, Any]:
    """Who and what the envelope names. An assistant's record does no assignment and has no officers."""
    envelope = package.envelope
    names: dict[str, Any] = {"device_id": package.device_id, "package_id": package.package_id}
    if envelope is None:
        return names | {"officers": []}
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
        "officers": envelope.officers if is_enforcement else [],
        "legal_date": envelope.legal_date,
    }


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
    return KnownPackage(
        row.earlier_kind, row.earlier_user_id, bool(row.earlier_is_senders), row.earlier_site_id, row.earlier_visit_id,
        row.earlier_root_id, row.earlier_sha256,
    )  # fmt: skip
