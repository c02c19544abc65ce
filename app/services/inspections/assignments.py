"""Assignments: who is to visit which site, when, with which checklists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.core.paging import Page, PageRequest
from app.db.versions import compare_and_set
from app.models.checklists import TemplateVersion
from app.models.enterprises import Enterprise, Site
from app.models.inspections import Assignment, AssignmentMember
from app.schemas.inspections import AssignmentRequest, AssignmentView
from app.services.audit.service import record_act
from app.services.hazards.errors import HazardChoiceProblem
from app.services.hazards.reinspection import check_reinspectable
from app.services.identity.certificates import list_certified
from app.services.inspections.errors import (
    AssigningAuthorityProblem,
    AssignmentStateProblem,
    AuthorityProblem,
    TeamProblem,
    TemplateProblem,
)
from app.services.organizations.jurisdiction import authority_covers, may_name


@dataclass(frozen=True, slots=True)
class AssignmentFilter:
    """What a list is narrowed to; None means all."""

    status: str | None = None
    site_id: UUID | None = None
    officer_id: UUID | None = None
    on: date | None = None
    also: ColumnElement[bool] | None = None


async def assign_inspection(
    session: AsyncSession, actor: Actor, request: AssignmentRequest
) -> AssignmentView:
    """Assign a team; every officer is certified on every day of the period, and the authority covers the site.

    The authority is the actor's own, or has entrusted it: AssigningAuthorityProblem.
    """
    site = await session.get(Site, request.site_id)
    if site is None or site.region_id not in actor.regions_for("inspections:read"):
        raise NotFoundProblem
    actor.require("inspections:assign", site.region_id)
    await _check(session, request, site)
    may = select(may_name(actor.authority_id, request.authority_id, shanghai_today()))
    if not await session.scalar(may):
        raise AssigningAuthorityProblem
    assignment = Assignment(
        id=new_id(),
        version=1,
        authority_id=request.authority_id,
        enterprise_id=site.enterprise_id,
        site_id=site.id,
        region_id=site.region_id,
        kind=request.kind,
        status="assigned",
        planned_from=request.planned_from,
        planned_until=request.planned_until,
        template_version_ids=request.template_version_ids,
        hazard_ids=request.hazard_ids,
        note=request.note,
        created_by=actor.user_id,
    )
    session.add(assignment)
    await session.flush()
    officers = dict.fromkeys(request.officers)
    session.add_all(AssignmentMember(assignment_id=assignment.id, user_id=officer) for officer in officers)
    await session.flush()
    await _record(session, actor, assignment, "inspections:assign")
    return (await _views(session, [assignment]))[0]


async def cancel_assignment(
    session: AsyncSession, actor: Actor, assignment_id: UUID, expected: int, reason: str
) -> AssignmentView:
    """Cancel an assignment that has not been visited; packages that come all the same are kept and flagged."""
    assignment = await get_assignment(session, actor, assignment_id)
    actor.require("inspections:assign", assignment.region_id)
    if assignment.status != "assigned":
        raise AssignmentStateProblem(state=assignment.status)
    await compare_and_set(session, assignment, expected, status="cancelled")
    await _record(session, actor, assignment, "inspections:cancel", reason=reason)
    return (await _views(session, [assignment]))[0]


async def get_assignment(session: AsyncSession, actor: Actor, assignment_id: UUID) -> Assignment:
    """One assignment of the actor's regions or of his own; raises NotFoundProblem."""
    wanted = select(Assignment).where(Assignment.id == assignment_id, visible_to(actor))
    assignment = (await session.execute(wanted)).scalar_one_or_none()
    if assignment is None:
        raise NotFoundProblem
    return assignment


async def show_assignment(session: AsyncSession, actor: Actor, assignment_id: UUID) -> AssignmentView:
    """The same, with its team and names."""
    return (await _views(session, [await get_assignment(session, actor, assignment_id)]))[0]


async def list_assignments(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: AssignmentFilter
) -> Page[AssignmentView]:
    """Newest first; three statements whatever the number of rows."""
    conditions = [visible_to(actor), *_conditions(narrowed)]
    if request.after:
        conditions.append(Assignment.id < request.after[0])
    wanted = select(Assignment).where(*conditions).order_by(Assignment.id.desc()).limit(request.limit + 1)
    rows = list((await session.execute(wanted)).scalars())
    page = Page.cut(rows, request, key=lambda row: (row.id,))
    return Page(await _views(session, page.items), page.next_key)


async def count_assignments(
    session: AsyncSession, actor: Actor, narrowed: AssignmentFilter
) -> list[tuple[str, int]]:
    """(status, number) under the filters of the list, one statement."""
    wanted = (
        select(Assignment.status, func.count())
        .where(visible_to(actor), *_conditions(narrowed))
        .group_by(Assignment.status)
        .order_by(Assignment.status)
    )
    return [(status, number) for status, number in await session.execute(wanted)]


async def list_own_assignments(session: AsyncSession, actor: Actor) -> list[AssignmentView]:
    """What the acting officer has before him: assigned, and not past its last day."""
    wanted = (
        select(Assignment)
        .join(AssignmentMember, AssignmentMember.assignment_id == Assignment.id)
        .where(
            AssignmentMember.user_id == actor.user_id,
            Assignment.status == "assigned",
            Assignment.planned_until >= shanghai_today(),
        )
        .order_by(Assignment.planned_from, Assignment.id)
        .limit(200)
    )
    return await _views(session, list((await session.execute(wanted)).scalars()))


async def _check(session: AsyncSession, request: AssignmentRequest, site: Site) -> None:
    officers = set(request.officers)
    certified = await list_certified(session, officers, request.planned_from, request.planned_until)
    if len(officers) < 2 or certified != officers:
        raise TeamProblem(not_qualified=sorted(str(officer) for officer in officers - certified))
    for day in (request.planned_from, request.planned_until):
        if not await authority_covers(session, request.authority_id, site.region_id, day):
            raise AuthorityProblem
    wanted = set(request.template_version_ids)
    known = select(TemplateVersion.id).where(
        TemplateVersion.id.in_(wanted), TemplateVersion.status == "published"
    )
    missing = wanted - set((await session.execute(known)).scalars())
    await _check_hazards(session, request, site)
    if missing:
        raise TemplateProblem(unknown=sorted(str(one) for one in missing))


async def _check_hazards(session: AsyncSession, request: AssignmentRequest, site: Site) -> None:
    """A re-inspection names what it looks at; an inspection looks at everything."""
    is_reinspection = request.kind == "reinspection"
    if is_reinspection != bool(request.hazard_ids):
        raise HazardChoiceProblem(hazards=[str(one) for one in request.hazard_ids])
    if is_reinspection:
        await check_reinspectable(session, site.id, request.hazard_ids)


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Of the actor's regions, or of a team he belongs to."""
    member = exists().where(
        AssignmentMember.assignment_id == Assignment.id, AssignmentMember.user_id == actor.user_id
    )
    return or_(Assignment.region_id.in_(actor.regions_for("inspections:read")), member)


def _conditions(narrowed: AssignmentFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if narrowed.status:
        conditions.append(Assignment.status == narrowed.status)
    if narrowed.site_id:
        conditions.append(Assignment.site_id == narrowed.site_id)
    if narrowed.officer_id:
        conditions.append(
            exists().where(
                AssignmentMember.assignment_id == Assignment.id,
                AssignmentMember.user_id == narrowed.officer_id,
            )
        )
    if narrowed.on:
        conditions += [Assignment.planned_from <= narrowed.on, Assignment.planned_until >= narrowed.on]
    if narrowed.also is not None:
        conditions.append(narrowed.also)
    return conditions


async def _views(session: AsyncSession, rows: Sequence[Assignment]) -> list[AssignmentView]:
    ids = [row.id for row in rows]
    members: dict[UUID, list[UUID]] = {identifier: [] for identifier in ids}
    wanted = select(AssignmentMember).where(AssignmentMember.assignment_id.in_(ids))
    for member in (await session.execute(wanted.order_by(AssignmentMember.user_id))).scalars():
        members[member.assignment_id].append(member.user_id)
    named = (
        select(Site.id, Site.name, Enterprise.name)
        .join(Enterprise, Enterprise.id == Site.enterprise_id)
        .where(Site.id.in_({row.site_id for row in rows}))
    )
    names = {site: (name, enterprise) for site, name, enterprise in await session.execute(named)}
    return [
        AssignmentView(
            **{name: getattr(row, name) for name in _PLAIN},
            officers=members[row.id],
            site_name=names[row.site_id][0],
            enterprise_name=names[row.site_id][1],
        )
        for row in rows
    ]


_PLAIN = (
    "id", "version", "status", "kind", "authority_id", "enterprise_id", "site_id", "region_id", "planned_from",
    "planned_until", "template_version_ids", "hazard_ids", "note", "created_at",
)  # fmt: skip


async def _record(
    session: AsyncSession, actor: Actor, assignment: Assignment, action: str, reason: str | None = None
) -> None:
    await record_act(
        session,
        actor,
        action=action,
        kind="assignment",
        object_id=assignment.id,
        version=assignment.version,
        region_id=assignment.region_id,
        after={"status": assignment.status, "site_id": assignment.site_id},
        detail={"reason": reason} if reason else None,
    )
