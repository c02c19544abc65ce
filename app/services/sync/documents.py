"""What the documents of the collections hold. A document is made of rows alone, never of the time: what the clock changes
(overdue, expired) a phone works out by itself. Whoever is not given a document is given its tombstone.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.enterprises import Enterprise, RiskUnit, Site, SiteLink
from app.models.inspections import Assignment, AssignmentMember
from app.services.enterprises.contacts import contacts_of, masked_view
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
