"""Sites: registered, changed, read with all that stands beside them. Scope follows the site's own region."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.core.geo import to_wgs84
from app.core.ids import new_id
from app.core.paging import Page, PageRequest
from app.db.versions import compare_and_set, different
from app.models.enterprises import Enterprise, RiskUnit, Site, SiteLink
from app.schemas.sites import (
    Geofence,
    LinkView,
    Position,
    RingView,
    SiteDetail,
    SiteRequest,
    SiteView,
    UnitView,
)
from app.services.audit.service import record_act
from app.services.enterprises.geofence import stored_geofence
from app.services.enterprises.repository import get_enterprise, regions_below

STATE = (
    "enterprise_id", "region_id", "name", "address", "latitude", "longitude", "declared_datum", "geofence", "is_active",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SiteFilter:
    """What a list is narrowed to; None means all. `region_id` includes everything below it."""

    enterprise_id: UUID | None = None
    region_id: UUID | None = None
    is_active: bool | None = None


async def register_site(session: AsyncSession, actor: Actor, request: SiteRequest) -> Site:
    """A new site of an enterprise the actor sees, in a region the actor manages."""
    await get_enterprise(session, actor, request.enterprise_id)
    actor.require("enterprises:manage", request.region_id)
    site = Site(
        id=new_id(),
        version=1,
        enterprise_id=request.enterprise_id,
        region_id=request.region_id,
        name=request.name,
        address=request.address,
        is_active=True,
        **_placed(request.position),
        **_fenced(request.geofence),
    )
    session.add(site)
    await session.flush()
    await record_site_act(session, actor, site, "enterprises:register_site", None)
    return site


async def change_site(
    session: AsyncSession,
    actor: Actor,
    site_id: UUID,
    expected: int,
    changes: Mapping[str, Any],
    position: Position | None,
    geofence: Geofence | None,
) -> Site:
    """Set the members named in `changes`; `position` and `geofence` count when they are named. No difference: no new version."""
    site = await get_site(session, actor, site_id)
    actor.require("enterprises:manage", site.region_id)
    if "region_id" in changes:
        actor.require("enterprises:manage", changes["region_id"])
    values = {
        name: changes[name] for name in ("region_id", "name", "address", "is_active") if name in changes
    }
    if "position" in changes:
        values |= _placed(position)
    if "geofence" in changes:
        values |= _fenced(geofence)
    new = different(site, values)
    if not new:
        return site
    before = state_of_site(site)
    await compare_and_set(session, site, expected, **new)
    await record_site_act(session, actor, site, "enterprises:change_site", before, {"fields": sorted(new)})
    return site


async def get_site(session: AsyncSession, actor: Actor, site_id: UUID) -> Site:
    """One site of the actor's regions; raises NotFoundProblem."""
    wanted = select(Site).where(Site.id == site_id, Site.region_id.in_(actor.regions_for("enterprises:read")))
    site = (await session.execute(wanted)).scalar_one_or_none()
    if site is None:
        raise NotFoundProblem
    return site


async def list_sites(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: SiteFilter
) -> Page[Site]:
    """Newest first; one statement, and one more to narrow to a region."""
    regions = actor.regions_for("enterprises:read")
    if narrowed.region_id is not None:
        regions &= await regions_below(session, narrowed.region_id)
    conditions: list[ColumnElement[bool]] = [Site.region_id.in_(regions)]
    if narrowed.enterprise_id is not None:
        conditions.append(Site.enterprise_id == narrowed.enterprise_id)
    if narrowed.is_active is not None:
        conditions.append(Site.is_active == narrowed.is_active)
    if request.after:
        conditions.append(Site.id < request.after[0])
    wanted = select(Site).where(*conditions).order_by(Site.id.desc()).limit(request.limit + 1)
    return Page.cut(list((await session.execute(wanted)).scalars()), request, key=lambda row: (row.id,))


async def show_site(session: AsyncSession, actor: Actor, site_id: UUID) -> SiteDetail:
    """One site of the actor's regions with everything that stands beside it."""
    return await site_detail(session, await get_site(session, actor, site_id))


async def site_detail(session: AsyncSession, site: Site) -> SiteDetail:
    """The same for a site whose visibility the caller has settled (an assignment grants it, whatever the region)."""
    enterprise = (
        await session.execute(select(Enterprise).where(Enterprise.id == site.enterprise_id))
    ).scalar_one()
    linked = (
        select(SiteLink, Enterprise.name)
        .join(Enterprise, Enterprise.id == SiteLink.enterprise_id)
        .where(SiteLink.site_id == site.id)
        .order_by(SiteLink.valid_from, SiteLink.id)
    )
    links = [link_view(link, name) for link, name in await session.execute(linked)]
    units = select(RiskUnit).where(RiskUnit.site_id == site.id).order_by(RiskUnit.kind, RiskUnit.name)
    today = shanghai_today()
    operating = [
        link.enterprise_id
        for link in links
        if link.role == "operator"
        and link.valid_from <= today
        and (link.valid_until is None or link.valid_until >= today)
    ]
    return SiteDetail(
        **site_view(site).model_dump(),
        enterprise_name=enterprise.name,
        enterprise_uscc=enterprise.uscc,
        regulated_trades=enterprise.regulated_trades,
        operator_id=operating[0] if operating else None,
        links=links,
        units=[UnitView.model_validate(unit) for unit in (await session.execute(units)).scalars()],
    )


def site_view(site: Site) -> SiteView:
    """A site as it travels."""
    members = {name: getattr(site, name) for name in SiteView.model_fields if name != "geofence"}
    return SiteView(**members, geofence=RingView(ring=site.geofence["ring"]) if site.geofence else None)


def link_view(link: SiteLink, enterprise_name: str) -> LinkView:
    """A link as it travels."""
    members = {name: getattr(link, name) for name in LinkView.model_fields if name != "enterprise_name"}
    return LinkView(**members, enterprise_name=enterprise_name)


def state_of_site(site: Site) -> dict[str, Any]:
    """The state of a site, for the audit log."""
    return {name: getattr(site, name) for name in STATE}


async def record_site_act(
    session: AsyncSession,
    actor: Actor,
    site: Site,
    action: str,
    before: dict[str, Any] | None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write the audit row and the change row of an act on a site."""
    moved = before is not None and before["region_id"] != site.region_id
    await record_act(
        session,
        actor,
        action=action,
        kind="site",
        object_id=site.id,
        version=site.version,
        region_id=site.region_id,
        previous_region_id=before["region_id"] if before and moved else None,
        before=before,
        after=state_of_site(site),
        detail=detail,
    )


def _placed(position: Position | None) -> dict[str, Any]:
    if position is None:
        return {"latitude": None, "longitude": None, "declared_datum": None}
    latitude, longitude = to_wgs84(position.latitude, position.longitude, position.datum)
    return {"latitude": latitude, "longitude": longitude, "declared_datum": str(position.datum)}


def _fenced(geofence: Geofence | None) -> dict[str, Any]:
    return {"geofence": stored_geofence(geofence) if geofence else None}
