"""Reading visits: lists, one visit with its packages and findings, and what waits for a person."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.paging import Page, PageRequest
from app.enums.inspections import ENFORCEMENT_KINDS, PackageKind
from app.models.identity import User
from app.models.inspections import Finding, Package, PackageIntake, PackageSignature, Visit
from app.schemas.inspections import FindingView, IntakeView, PackageView, VisitCount, VisitDetail, VisitView
from app.services.inspections.service import signature_views


async def list_visits(
    session: AsyncSession,
    actor: Actor,
    request: PageRequest,
    *,
    kinds: Sequence[str] = ENFORCEMENT_KINDS,
    site_id: UUID | None = None,
    enterprise_id: UUID | None = None,
    first: date | None = None,
    last: date | None = None,
) -> Page[Visit]:
    """Visits of the actor's regions, newest first; `first` and `last` are legal dates, both included.

    Only enforcement visits unless told: an assistant's patrols count apart.
    """
    conditions: list[ColumnElement[bool]] = [
        Visit.region_id.in_(actor.regions_for("inspections:read")),
        Visit.kind.in_(list(kinds)),
    ]
    if site_id:
        conditions.append(Visit.site_id == site_id)
    if enterprise_id:
        conditions.append(Visit.enterprise_id == enterprise_id)
    if first:
        conditions.append(Visit.visited_on >= first)
    if last:
        conditions.append(Visit.visited_on <= last)
    if request.after:
        conditions.append(Visit.id < request.after[0])
    wanted = select(Visit).where(*conditions).order_by(Visit.id.desc()).limit(request.limit + 1)
    return Page.cut(list((await session.execute(wanted)).scalars()), request, key=lambda row: (row.id,))


async def count_visits(
    session: AsyncSession,
    actor: Actor,
    *,
    first: date | None = None,
    last: date | None = None,
    also: ColumnElement[bool] | None = None,
) -> list[VisitCount]:
    """Visits (家次) and the enterprises visited in the actor's regions, by kind: officers' and assistants' never mixed.

    A visit that only corrections without effect speak of is none.
    """
    conditions: list[ColumnElement[bool]] = [
        Visit.region_id.in_(actor.regions_for("inspections:read")),
        exists().where(Package.visit_id == Visit.id, Package.is_standing),
    ]
    if first:
        conditions.append(Visit.visited_on >= first)
    if last:
        conditions.append(Visit.visited_on <= last)
    if also is not None:
        conditions.append(also)
    wanted = (
        select(
            Visit.kind,
            func.count().label("visits"),
            func.count(Visit.enterprise_id.distinct()).label("enterprises"),
        )
        .where(*conditions)
        .group_by(Visit.kind)
        .order_by(Visit.kind)
    )
    return [VisitCount.model_validate(row) for row in await session.execute(wanted)]


async def get_visit(session: AsyncSession, actor: Actor, visit_id: UUID) -> VisitDetail:
    """One visit with its packages and findings; raises NotFoundProblem outside the actor's regions."""
    visit = await session.get(Visit, visit_id)
    if visit is None or visit.region_id not in actor.regions_for("inspections:read"):
        raise NotFoundProblem
    packages = select(Package).where(Package.visit_id == visit_id).order_by(Package.received_at, Package.id)
    signed = select(PackageSignature).join(Package, Package.id == PackageSignature.package_id)
    signatures = list((await session.execute(signed.where(Package.visit_id == visit_id))).scalars())
    findings = select(Finding).where(Finding.visit_id == visit_id).order_by(Finding.package_id, Finding.key)
    return VisitDetail(
        **VisitView.model_validate(visit).model_dump(),
        packages=[
            PackageView.model_validate(row).model_copy(
                update={"signatures": signature_views(row, signatures)}
            )
            for row in (await session.execute(packages)).scalars()
        ],
        findings=[FindingView.model_validate(row) for row in (await session.execute(findings)).scalars()],
    )


def is_certified_reinspection(visit: VisitDetail) -> bool:
    """True when a record of a re-inspection stands in it, not replaced, that two certified officers stand for."""
    return visit.kind == PackageKind.REINSPECTION.value and any(
        package.is_signable and package.kind == PackageKind.REINSPECTION.value and package.is_standing
        for package in visit.packages
    )


async def list_waiting(session: AsyncSession, actor: Actor, request: PageRequest) -> Page[IntakeView]:
    """Packages kept aside or not yet processed, of senders in the actor's regions; oldest first."""
    conditions: list[ColumnElement[bool]] = [
        PackageIntake.status.in_(("received", "quarantined")),
        User.region_id.in_(actor.regions_for("inspections:read")),
    ]
    if request.after:
        conditions.append(PackageIntake.package_id > request.after[0])
    wanted = select(PackageIntake).join(User, User.id == PackageIntake.user_id).where(*conditions)
    rows = await session.execute(wanted.order_by(PackageIntake.package_id).limit(request.limit + 1))
    views = [IntakeView.model_validate(row) for row in rows.scalars()]
    return Page.cut(views, request, key=lambda row: (row.package_id,))
