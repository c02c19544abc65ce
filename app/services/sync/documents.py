"""What the documents of the collections hold. A document is made of rows alone, never of the time: what the clock changes
(overdue, expired) a phone works out by itself. Whoever is not given a document is given its tombstone.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.checklists import Template, TemplateVersion
from app.models.enterprises import Enterprise, RiskUnit, Site, SiteLink
from app.models.evidence import EvidenceDeclaration, EvidenceDerivative, EvidenceFile
from app.models.hazards import Hazard
from app.models.identity import OfficerCertificate, User
from app.models.inspections import Assignment, AssignmentMember, Package, PackageIntake, Receipt
from app.models.organizations import Brigade
from app.services.enterprises.contacts import contacts_of, masked_view
from app.services.inspections.reinspection import (
    latest_requirements,
    photographs_before,
    reported_rectifications,
)
from app.services.sync.scope import Named, Scope

Document = dict[str, Any]
Documents = dict[UUID, Document]

_STUB = (
    "id",
    "version",
    "name",
    "uscc",
    "substitute_mark",
    "region_id",
    "address",
    "regulated_trades",
    "risk_grade",
    "is_active",
)
_FULL = ("parent_id", "trade_code", "size", "annual_output_fen", "employees", "is_labour_intensive")
_SITE_STUB = (
    "id",
    "version",
    "enterprise_id",
    "region_id",
    "name",
    "address",
    "latitude",
    "longitude",
    "is_active",
)
_SITE_FULL = ("declared_datum", "geofence")
_LINK = ("id", "enterprise_id", "role", "valid_from", "valid_until")
_UNIT = ("id", "version", "kind", "name", "facts", "is_active")
_ASSIGNMENT = (
    "id", "version", "status", "kind", "authority_id", "enterprise_id", "site_id", "region_id", "planned_from",
    "planned_until", "template_version_ids", "hazard_ids", "note", "created_at",
)  # fmt: skip
_HAZARD = (
    "id", "version", "number", "level", "clause", "major_since", "enterprise_id", "site_id", "region_id", "risk_unit_id",
    "item_code", "subject", "description", "found_on", "status", "due_on",
)  # fmt: skip
_CHECKLIST = (
    "id", "version", "number", "status", "title_zh", "title_en", "in_force_from", "content_hash", "published_at",
    "withdrawn_at", "withdrawn_reason",
)  # fmt: skip
_MEMBER = ("id", "version", "name", "authority_id", "brigade_id", "region_id")
_CERTIFICATE = ("number", "valid_from", "valid_until", "revoked_on")
_BRIGADE = ("id", "version", "authority_id", "parent_id", "name")
_CONTACT = ("id", "name", "post", "phone")


async def assignments(session: AsyncSession, _: Scope, named: Named, ids: Sequence[UUID]) -> Documents:
    """The caller's own live assignments with their teams."""
    rows = await _rows(session, Assignment, _ASSIGNMENT, Assignment.id.in_(named.live.intersection(ids)))
    wanted = select(AssignmentMember.assignment_id, AssignmentMember.user_id).where(
        AssignmentMember.assignment_id.in_(rows)
    )
    teams = _grouped(await session.execute(wanted.order_by(AssignmentMember.user_id)))
    for identifier, row in rows.items():
        row["officers"] = teams[identifier]
    return rows


async def enterprises(session: AsyncSession, scope: Scope, named: Named, ids: Sequence[UUID]) -> Documents:
    """Those of assigned sites in full, the living ones of the caller's regions as stubs."""
    full = named.live.intersection(ids)
    living = Enterprise.region_id.in_(scope.partitions) & Enterprise.is_active
    whole = await _rows(session, Enterprise, (*_STUB, *_FULL), Enterprise.id.in_(full)) if full else {}
    people = _grouped(
        (row.enterprise_id, {name: getattr(masked_view(row), name) for name in _CONTACT})
        for row in (await contacts_of(session, list(full)) if full else ())
    )
    for identifier, row in whole.items():
        row |= {"detail": "full", "contacts": people.get(identifier, [])}
    stubs = await _rows(session, Enterprise, _STUB, Enterprise.id.in_(set(ids) - full), living)
    for row in stubs.values():
        row["detail"] = "stub"
    return whole | stubs


async def sites(session: AsyncSession, scope: Scope, named: Named, ids: Sequence[UUID]) -> Documents:
    """Assigned ones with links and units of risk, the others in use of the caller's regions as stubs."""
    full = named.live.intersection(ids)
    in_use = Site.region_id.in_(scope.partitions) & Site.is_active
    whole = await _rows(session, Site, (*_SITE_STUB, *_SITE_FULL), Site.id.in_(full)) if full else {}
    if whole:
        links = await _parts(session, SiteLink, SiteLink.site_id, _LINK, full)
        units = await _parts(session, RiskUnit, RiskUnit.site_id, _UNIT, full)
        for identifier, row in whole.items():
            row |= {"detail": "full", "links": links.get(identifier, []), "units": units.get(identifier, [])}
    stubs = await _rows(session, Site, _SITE_STUB, Site.id.in_(set(ids) - full), in_use)
    for row in stubs.values():
        row["detail"] = "stub"
    return whole | stubs


async def hazards(session: AsyncSession, scope: Scope, named: Named, ids: Sequence[UUID]) -> Documents:
    """Open ones of the caller's regions, and those his live assignments name, with their photographs as links by hash."""
    seen = or_(
        Hazard.region_id.in_(scope.partitions)
        & (Hazard.status != "closed")
        & Hazard.merged_into_id.is_(None),
        Hazard.id.in_(named.live.intersection(ids)),
    )
    rows = await _rows(session, Hazard, (*_HAZARD, "evidence_ids"), Hazard.id.in_(ids), seen)
    if not rows:
        return rows
    requirements = await latest_requirements(session, list(rows))
    rectified = await reported_rectifications(session, list(rows))
    before = await photographs_before(
        session, {identifier: row.pop("evidence_ids") for identifier, row in rows.items()}
    )
    photos = await _photos(session, set().union(*before.values(), *rectified.values()))
    for identifier, row in rows.items():
        after = rectified.get(identifier, [])
        row["requirement"] = requirements.get(identifier)
        row["before_photos"] = [photos[one] for one in before[identifier] if one in photos]
        row["rectification_photos"] = [photos[one] for one in after if one in photos]
    return rows


async def _photos(session: AsyncSession, ids: set[UUID]) -> Documents:
    """Examined files by id, with their reduced copies by longest side: what has no copy yet cannot be fetched."""
    if not ids:
        return {}
    copies: dict[UUID, dict[str, Document]] = {}
    copy = EvidenceDerivative
    wanted = select(copy.evidence_id, copy.pixels, copy.sha256, copy.size).where(copy.evidence_id.in_(ids))
    for row in await session.execute(wanted.order_by(copy.pixels)):
        path = f"/mobile/v1/evidence/{row.evidence_id}/derivatives/{row.pixels}"
        copies.setdefault(row.evidence_id, {})[str(row.pixels)] = {
            "hash": row.sha256, "size": row.size, "path": path,
        }  # fmt: skip
    file, declared = EvidenceFile, EvidenceDeclaration
    same = (declared.package_id == file.package_id) & (declared.id == file.id)
    files = (
        select(file.id, file.sha256.label("hash"), file.size, file.media_type, declared.captured_at)
        .outerjoin(declared, same)
        .where(file.id.in_(ids), file.examined_at.is_not(None))
    )
    return {
        row["id"]: {**row, "copies": copies.get(row["id"], {})}
        for row in (await session.execute(files)).mappings()
    }


async def checklists(session: AsyncSession, _: Scope, __: Named, ids: Sequence[UUID]) -> Documents:
    """Published versions with their content, withdrawn ones by name and hash: what was filled in with them is still accepted."""
    rows = await _rows(
        session, TemplateVersion, _CHECKLIST, TemplateVersion.id.in_(ids), TemplateVersion.status != "draft"
    )
    version = TemplateVersion
    content = select(version.id, Template.code, version.status, version.body).join(
        Template, Template.id == version.template_id
    )
    for row in await session.execute(content.where(version.id.in_(rows))):
        rows[row.id] |= {
            "code": row.code,
            "body": row.body if row.status == "published" else None,
            "content": f"/mobile/v1/templates/{rows[row.id]['content_hash']}",
        }
    return rows


async def rosters(session: AsyncSession, scope: Scope, named: Named, ids: Sequence[UUID]) -> Documents:
    """People in service of the caller's authority, and his teams' members of any, with their certificates."""
    seen = or_(
        User.authority_id.in_(scope.partitions) & User.is_active, User.id.in_(named.live.intersection(ids))
    )
    rows = await _rows(session, User, _MEMBER, User.id.in_(ids), seen)
    certificate = OfficerCertificate
    papers = await _parts(session, certificate, certificate.user_id, _CERTIFICATE, rows) if rows else {}
    for identifier, row in rows.items():
        row["certificates"] = papers.get(identifier, [])
    return rows


async def brigades(session: AsyncSession, scope: Scope, _: Named, ids: Sequence[UUID]) -> Documents:
    """Brigades and squads in use of the caller's authority."""
    own = Brigade.authority_id.in_(scope.partitions) & Brigade.is_active
    return await _rows(session, Brigade, _BRIGADE, Brigade.id.in_(ids), own)


async def packages(session: AsyncSession, scope: Scope, _: Named, ids: Sequence[UUID]) -> Documents:
    """The caller's own packages as his phone made them, with what the server stamps on them.

    Which files are missing is not in them: a file that arrives touches no document, so the copy would say what was.
    """
    intake, package = PackageIntake, Package
    wanted = (
        select(
            intake.package_id.label("id"), intake.sealed, intake.key_id, intake.signature, intake.sha256.label("hash"),
            intake.device_id, intake.status, intake.reason, intake.received_at, package.kind, package.visit_id,
            package.supersedes_id, package.issues, package.is_signable.label("signable"), package.is_standing, package.fork_status,
            intake.decision_reason,
            Receipt.sha256.label("receipt_hash"),
        )
        .outerjoin(package, package.id == intake.package_id)
        .outerjoin(Receipt, Receipt.package_id == intake.package_id)
        .where(intake.package_id.in_(ids), intake.user_id.in_(scope.partitions))
    )  # fmt: skip
    rows = {row["id"]: dict(row) for row in (await session.execute(wanted)).mappings()}
    for row in rows.values():
        decided = row.pop("decision_reason")
        row |= {
            "reason": decided if row["status"] == "rejected" else row["reason"],
            "sealed": _as_text(row["sealed"]),
            "issues": row["issues"] or [],
            "signable": bool(row["signable"]),
            "receipt": row["receipt_hash"] is not None,
        }
    return rows


def _as_text(sealed: bytes) -> str | None:
    """The bytes as they travel in a row; None where they are no text, which only a quarantined package can be."""
    try:
        return sealed.decode()
    except UnicodeDecodeError:
        return None


async def _rows(
    session: AsyncSession, model: Any, names: Sequence[str], *conditions: ColumnElement[bool]
) -> Documents:
    """The named columns of the rows that meet every condition, by id."""
    wanted = select(*(getattr(model, name) for name in names)).where(*conditions)
    return {row["id"]: dict(row) for row in (await session.execute(wanted)).mappings()}


async def _parts(
    session: AsyncSession, model: Any, owner: Any, names: Sequence[str], owners: Iterable[UUID]
) -> dict[UUID, list[Document]]:
    """The named columns of what belongs to some owners, by owner, in order of id."""
    wanted = select(owner.label("owner"), *(getattr(model, name) for name in names))
    rows = (await session.execute(wanted.where(owner.in_(owners)).order_by(model.id))).mappings()
    return _grouped((row["owner"], {name: row[name] for name in names}) for row in rows)


def _grouped(pairs: Iterable[Any]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found
