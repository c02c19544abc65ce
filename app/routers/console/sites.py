"""Sites at the console: where they are, who operates and lets them, which units of risk stand on them."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.models.enterprises import RiskUnit, Site
from app.schemas.risk_units import UnitChange, UnitRequest, facts_schema
from app.schemas.sites import (
    LinkChange,
    LinkRequest,
    SiteChange,
    SiteDetail,
    SiteRequest,
    SiteView,
    UnitView,
)
from app.services.enterprises.links import end_link, link_enterprise
from app.services.enterprises.sites import (
    SiteFilter,
    change_site,
    get_site,
    list_sites,
    register_site,
    show_site,
    site_detail,
    site_view,
)
from app.services.enterprises.units import change_unit, get_unit, register_unit

router = APIRouter(prefix="/sites", tags=["sites"], route_class=IdempotentRoute)
READ = [Depends(allowed("enterprises:read"))]
MANAGE = [Depends(allowed("enterprises:manage"))]


async def _check(session: AsyncSession, actor: Actor, site_id: UUID, expected: int) -> None:
    """Refuse a write on another version than the caller read."""
    check_version((await get_site(session, actor, site_id)).version, expected)


async def _shown(session: AsyncSession, site: Site, response: Response) -> SiteDetail:
    set_etag(response, site.version)
    return await site_detail(session, site)


def _shown_unit(unit: RiskUnit, response: Response) -> UnitView:
    set_etag(response, unit.version)
    return UnitView.model_validate(unit)


@router.get("", dependencies=READ)
async def get_sites(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    enterprise_id: UUID | None = None,
    region_id: UUID | None = None,
    is_active: bool | None = None,
) -> PageOf[SiteView]:
    """Sites of the caller's regions, newest first."""
    narrowed = SiteFilter(enterprise_id, region_id, is_active)
    return paging.page(await list_sites(session, actor, paging.request, narrowed), site_view)


@router.post("", status_code=201, dependencies=MANAGE)
async def post_site(
    body: SiteRequest,
    response: Response,
    actor: CurrentActor,
    session: WriteSession,
    _: Idempotency,
) -> SiteDetail:
    """Register a site of an enterprise."""
    return await _shown(session, await register_site(session, actor, body), response)


@router.get("/unit-facts", dependencies=READ)
async def get_unit_facts() -> dict[str, Any]:
    """The JSON Schema of what can be said of each kind of risk unit."""
    return facts_schema()


@router.get("/{site_id}", dependencies=READ)
async def get_one_site(
    site_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> SiteDetail:
    """One site with its enterprise, links and units."""
    detail = await show_site(session, actor, site_id)
    set_etag(response, detail.version)
    return detail


@router.patch("/{site_id}", dependencies=MANAGE)
async def patch_site(
    site_id: UUID,
    body: SiteChange,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> SiteDetail:
    """Change the members given; the rest stays."""
    await _check(session, actor, site_id, expected)
    changes = body.model_dump(exclude_unset=True)
    site = await change_site(session, actor, site_id, expected, changes, body.position, body.geofence)
    return await _shown(session, site, response)


@router.post("/{site_id}/links", status_code=201, dependencies=MANAGE)
async def post_link(
    site_id: UUID,
    body: LinkRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> SiteDetail:
    """Name an operator or a landlord for a period; If-Match is the site's version."""
    await _check(session, actor, site_id, expected)
    return await _shown(session, await link_enterprise(session, actor, site_id, expected, body), response)


@router.patch("/{site_id}/links/{link_id}", dependencies=MANAGE)
async def patch_link(
    site_id: UUID,
    link_id: UUID,
    body: LinkChange,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> SiteDetail:
    """Set the last day of a link; If-Match is the site's version."""
    await _check(session, actor, site_id, expected)
    site = await end_link(session, actor, site_id, link_id, expected, body.valid_until)
    return await _shown(session, site, response)


@router.post("/{site_id}/units", status_code=201, dependencies=MANAGE)
async def post_unit(
    site_id: UUID,
    body: UnitRequest,
    response: Response,
    actor: CurrentActor,
    session: WriteSession,
    _: Idempotency,
) -> UnitView:
    """Register a unit of risk."""
    return _shown_unit(await register_unit(session, actor, site_id, body), response)


@router.patch("/{site_id}/units/{unit_id}", dependencies=MANAGE)
async def patch_unit(
    site_id: UUID,
    unit_id: UUID,
    body: UnitChange,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> UnitView:
    """Change a unit; If-Match is the unit's version."""
    check_version((await get_unit(session, actor, site_id, unit_id)).version, expected)
    changes = body.model_dump(exclude_unset=True)
    unit = await change_unit(session, actor, site_id, unit_id, expected, changes, body.facts)
    return _shown_unit(unit, response)
