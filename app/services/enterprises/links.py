"""Who operates and who lets a site, by day. A link belongs to its site: every write counts the site's version."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.db.versions import compare_and_set
from app.models.enterprises import Site, SiteLink
from app.schemas.sites import LinkRequest
from app.services.enterprises.errors import LinkOverlapProblem, LinkPeriodProblem
from app.services.enterprises.repository import get_enterprise
from app.services.enterprises.sites import get_site, record_site_act, state_of_site


async def link_enterprise(
    session: AsyncSession, actor: Actor, site_id: UUID, expected: int, request: LinkRequest
) -> Site:
    """A new operator or landlord of a site. At most one operator on any day; the same landlord not twice on one day.

    The site's version is set first, which locks its row: two links at once cannot both pass the check.
    """
    site = await get_site(session, actor, site_id)
    actor.require("enterprises:manage", site.region_id)
    await get_enterprise(session, actor, request.enterprise_id)
    before = state_of_site(site)
    await compare_and_set(session, site, expected)
    link = SiteLink(id=new_id(), site_id=site_id, **request.model_dump())
    await _check_overlap(session, link)
    session.add(link)
    await session.flush()
    await record_site_act(session, actor, site, "enterprises:link_site", before, _detail(link))
    return site


async def end_link(
    session: AsyncSession,
    actor: Actor,
    site_id: UUID,
    link_id: UUID,
    expected: int,
    valid_until: date | None,
) -> Site:
    """Set a link's last day, or open it again."""
    site = await get_site(session, actor, site_id)
    actor.require("enterprises:manage", site.region_id)
    before = state_of_site(site)
    await compare_and_set(session, site, expected)
    wanted = select(SiteLink).where(SiteLink.id == link_id, SiteLink.site_id == site_id)
    link = (await session.execute(wanted)).scalar_one_or_none()
    if link is None:
        raise NotFoundProblem
    if valid_until is not None and valid_until < link.valid_from:
        raise LinkPeriodProblem
    link.valid_until = valid_until
    await _check_overlap(session, link)
    await session.flush()
    await record_site_act(session, actor, site, "enterprises:end_site_link", before, _detail(link))
    return site


async def _check_overlap(session: AsyncSession, link: SiteLink) -> None:
    wanted = select(SiteLink.valid_from).where(
        SiteLink.site_id == link.site_id,
        SiteLink.role == link.role,
        SiteLink.id != link.id,
        or_(SiteLink.valid_until.is_(None), SiteLink.valid_until >= link.valid_from),
    )
    if link.valid_until is not None:
        wanted = wanted.where(SiteLink.valid_from <= link.valid_until)
    if link.role == "landlord":
        wanted = wanted.where(SiteLink.enterprise_id == link.enterprise_id)
    with session.no_autoflush:
        other = (await session.execute(wanted.limit(1))).scalar_one_or_none()
    if other is not None:
        raise LinkOverlapProblem(valid_from=other.isoformat())


def _detail(link: SiteLink) -> dict[str, Any]:
    return {
        "link_id": str(link.id),
        "enterprise_id": str(link.enterprise_id),
        "role": link.role,
        "valid_from": link.valid_from.isoformat(),
        "valid_until": link.valid_until.isoformat() if link.valid_until else None,
    }
