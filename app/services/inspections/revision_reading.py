"""Reading a record's line of corrections side by side, the forks that wait for a person, and a package's sealed bytes."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.paging import Page, PageRequest
from app.models.inspections import Package, PackageIntake, RevisionVerdict
from app.schemas.packages import ForkVerdictView, ForkView, RevisionLine, RevisionView
from app.services.audit.service import record_access
from app.services.inspections.differences import differences
from app.services.inspections.forks import find_readable
from app.services.inspections.sealing import readable_document
from app.services.inspections.service import find_visible

MAX_SHOWN = 50
"""Packages of one line; whoever corrects a record more often reads the first ones and what stands."""


async def show_revisions(session: AsyncSession, actor: Actor, package_id: UUID) -> RevisionLine:
    """The line that a package of the actor's regions belongs to; three statements."""
    package = await find_readable(session, actor, package_id)
    return await _line(session, package.root_id)


async def show_own_revisions(session: AsyncSession, actor: Actor, package_id: UUID) -> RevisionLine:
    """The same for a phone: of its own package, or one whose officer or team the actor is."""
    package = await find_visible(session, actor, package_id)
    return await _line(session, package.root_id)


async def list_open_forks(session: AsyncSession, actor: Actor, request: PageRequest) -> Page[ForkView]:
    """Forks of the actor's regions about which nobody has decided, oldest first; one statement."""
    conditions = [
        Package.fork_status == "open",
        Package.region_id.in_(actor.regions_for("inspections:read")),
    ]
    if request.after:
        conditions.append(Package.id > request.after[0])
    wanted = select(Package).where(*conditions).order_by(Package.id).limit(request.limit + 1)
    rows = [ForkView.model_validate(row) for row in (await session.execute(wanted)).scalars()]
    return Page.cut(rows, request, key=lambda row: (row.id,))


async def read_sealed(session: AsyncSession, actor: Actor, package_id: UUID) -> bytes:
    """The package's bytes as the phone signed them; the look is written down first. Raises NotFoundProblem, ForbiddenProblem."""
    package = await find_readable(session, actor, package_id)
    actor.require("evidence:read_original", package.region_id)
    intake = await session.get_one(PackageIntake, package_id)
    await record_access(
        session, actor, action="inspections:read_sealed", kind="package", object_id=package_id,
        region_id=package.region_id,
    )  # fmt: skip
    return bytes(intake.sealed)


async def _line(session: AsyncSession, root_id: UUID) -> RevisionLine:
    wanted = (
        select(Package, PackageIntake.sealed)
        .join(PackageIntake, PackageIntake.package_id == Package.id)
        .where(Package.root_id == root_id)
        .order_by(
            ~Package.is_standing, Package.received_at, Package.id
        )  # what stands is always among those shown
        .limit(MAX_SHOWN + 1)
    )
    found = [(package, sealed) for package, sealed in await session.execute(wanted)]
    shown = sorted(found[:MAX_SHOWN], key=lambda row: (row[0].received_at, row[0].id))
    documents = {package.id: readable_document(bytes(sealed)) or {} for package, sealed in shown}
    verdicts = await _verdicts(session, list(documents))
    standing = next((package.id for package, _ in shown if package.is_standing), None)
    return RevisionLine(
        root_id=root_id,
        standing_id=standing,
        packages=[_view(package, documents, standing, verdicts.get(package.id)) for package, _ in shown],
        is_cut=len(found) > MAX_SHOWN,
    )


async def _verdicts(session: AsyncSession, package_ids: list[UUID]) -> dict[UUID, ForkVerdictView]:
    wanted = select(RevisionVerdict).where(RevisionVerdict.package_id.in_(package_ids))
    rows = (await session.execute(wanted)).scalars()
    return {row.package_id: ForkVerdictView.model_validate(row) for row in rows}


def _view(
    package: Package,
    documents: Mapping[UUID, Mapping[str, Any]],
    standing: UUID | None,
    verdict: ForkVerdictView | None,
) -> RevisionView:
    own = documents[package.id]
    base = documents.get(package.supersedes_id) if package.supersedes_id else None
    stands = documents.get(standing) if standing and not package.is_standing else None
    return RevisionView(
        **ForkView.model_validate(package).model_dump(),
        verdict=verdict,
        differences=differences(base, own) if base is not None else [],
        from_standing=differences(stands, own) if stands is not None else [],
    )
