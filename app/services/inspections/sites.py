"""A site as an officer's phone needs it: of the officer's regions, or granted by an assignment for its period."""

from uuid import UUID

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.models.enterprises import Site
from app.models.inspections import Assignment, AssignmentMember
from app.schemas.sites import SiteDetail
from app.services.enterprises.sites import site_detail


async def show_site_to_officer(session: AsyncSession, actor: Actor, site_id: UUID) -> SiteDetail:
    """The site with its enterprise, links and units; raises NotFoundProblem. An assignment grants it from the day it is made
    (the phone has to be filled before going offline) to its last day, unless cancelled."""
    granted = exists().where(
        Assignment.site_id == Site.id,
        Assignment.status != "cancelled",
        Assignment.planned_until >= shanghai_today(),
        AssignmentMember.assignment_id == Assignment.id,
        AssignmentMember.user_id == actor.user_id,
    )
    own = Site.region_id.in_(actor.regions_for("enterprises:read"))
    site = (
        await session.execute(select(Site).where(Site.id == site_id, or_(own, granted)))
    ).scalar_one_or_none()
    if site is None:
        raise NotFoundProblem
    return await site_detail(session, site)
