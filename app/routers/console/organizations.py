"""Regions, authorities and brigades at the console."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.models.organizations import Authority, Region
from app.schemas.organizations import (
    AuthorityChange,
    AuthorityDetail,
    AuthorityRequest,
    AuthorityView,
    BrigadeChange,
    BrigadeRequest,
    BrigadeView,
    Ending,
    EntrustmentRequest,
    EntrustmentView,
    JurisdictionRequest,
    JurisdictionView,
    Level,
    RegionChange,
    RegionNode,
    RegionRequest,
    RegionView,
)
from app.services.organizations import authorities, brigades, regions
from app.services.organizations.authorities import get_authority, list_entrustments, list_jurisdictions
from app.services.organizations.brigades import get_brigade
from app.services.organizations.regions import RegionFilter, get_region

router = APIRouter(tags=["organizations"], route_class=IdempotentRoute)
READ_REGIONS = [Depends(allowed("regions:read"))]
MANAGE_REGIONS = [Depends(allowed("regions:manage"))]
READ = [Depends(allowed("authorities:read"))]
MANAGE = [Depends(allowed("authorities:manage"))]


def _region(region: Region, response: Response) -> RegionView:
    set_etag(response, region.version)
    return RegionView.model_validate(region)


async def _detail(session: AsyncSession, authority: Authority, response: Response) -> AuthorityDetail:
    set_etag(response, authority.version)
    covered = await list_jurisdictions(session, authority.id)
    entrusted = await list_entrustments(session, authority.id)
    return AuthorityDetail(
        **AuthorityView.model_validate(authority).model_dump(),
        jurisdictions=[JurisdictionView.model_validate(row) for row in covered],
        entrustments=[EntrustmentView.model_validate(row) for row in entrusted],
    )


async def _checked(session: AsyncSession, actor: Actor, authority_id: UUID, expected: int) -> None:
    check_version((await get_authority(session, actor, authority_id)).version, expected)


@router.get("/regions", dependencies=READ_REGIONS)
async def get_regions(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    level: Level | None = None,
    parent_id: UUID | None = None,
    within: Annotated[UUID | None, Query(description="A region whose whole subtree is meant")] = None,
    on: Annotated[date | None, Query(description="Only those in force on this day")] = None,
) -> PageOf[RegionView]:
    """Regions of the caller's, in the order of the tree, ended ones too unless a day is given."""
    narrowed = RegionFilter(level, parent_id, within, on)
    page = await regions.list_regions(session, actor, paging.request, narrowed)
    return paging.page(page, RegionView.model_validate)


@router.post("/regions", status_code=201, dependencies=MANAGE_REGIONS)
async def post_region(
    body: RegionRequest, response: Response, actor: CurrentActor, session: WriteSession, _: Idempotency
) -> RegionView:
    """Begin a district or town."""
    return _region(await regions.create_region(session, actor, body), response)


@router.get("/regions/{region_id}", dependencies=READ_REGIONS)
async def get_one_region(
    region_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> RegionView:
    """One region."""
    return _region(await get_region(session, actor, region_id), response)


@router.get("/regions/{region_id}/tree", dependencies=READ_REGIONS)
async def get_region_tree(
    region_id: UUID, actor: CurrentActor, session: ReadSession, on: date | None = None
) -> RegionNode:
    """A region with everything below it, nested."""
    nodes: dict[UUID | None, RegionNode] = {}
    for row in await regions.list_subtree(session, actor, region_id, on):
        node = RegionNode(**RegionView.model_validate(row).model_dump(), children=[])
        nodes[row.id] = node
        if row.id != region_id and row.parent_id in nodes:
            nodes[row.parent_id].children.append(node)
    return nodes[region_id]


@router.patch("/regions/{region_id}", dependencies=MANAGE_REGIONS)
async def patch_region(
    region_id: UUID,
    body: RegionChange,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> RegionView:
    """Rename a region."""
    check_version((await get_region(session, actor, region_id)).version, expected)
    names = body.model_dump(exclude_none=True)
    return _region(await regions.rename_region(session, actor, region_id, expected, names), response)


@router.post("/regions/{region_id}/ending", dependencies=MANAGE_REGIONS)
async def post_region_ending(
    region_id: UUID,
    body: Ending,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> RegionView:
    """Set the last day of a region; it is never deleted."""
    check_version((await get_region(session, actor, region_id)).version, expected)
    ended = await regions.end_region(session, actor, region_id, expected, body.valid_until)
    return _region(ended, response)


@router.get("/authorities", dependencies=READ)
async def get_authorities(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    region_id: UUID | None = None,
    on: date | None = None,
) -> PageOf[AuthorityView]:
    """Authorities of the caller's regions and the caller's own, newest first."""
    page = await authorities.list_authorities(session, actor, paging.request, region_id=region_id, on=on)
    return paging.page(page, AuthorityView.model_validate)


@router.post("/authorities", status_code=201, dependencies=MANAGE)
async def post_authority(
    body: AuthorityRequest, response: Response, actor: CurrentActor, session: WriteSession, _: Idempotency
) -> AuthorityDetail:
    """Begin an authority."""
    return await _detail(session, await authorities.create_authority(session, actor, body), response)


@router.get("/authorities/{authority_id}", dependencies=READ)
async def get_one_authority(
    authority_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> AuthorityDetail:
    """One authority with what it covers and in whose name it acts."""
    return await _detail(session, await get_authority(session, actor, authority_id), response)


@router.patch("/authorities/{authority_id}", dependencies=MANAGE)
async def patch_authority(
    authority_id: UUID,
    body: AuthorityChange,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> AuthorityDetail:
    """Another name or document word."""
    await _checked(session, actor, authority_id, expected)
    values = body.model_dump(exclude_none=True)
    changed = await authorities.change_authority(session, actor, authority_id, expected, values)
    return await _detail(session, changed, response)


@router.post("/authorities/{authority_id}/ending", dependencies=MANAGE)
async def post_authority_ending(
    authority_id: UUID,
    body: Ending,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> AuthorityDetail:
    """Set the last day of an authority."""
    await _checked(session, actor, authority_id, expected)
    ended = await authorities.end_authority(session, actor, authority_id, expected, body.valid_until)
    return await _detail(session, ended, response)


@router.post("/authorities/{authority_id}/jurisdictions", status_code=201, dependencies=MANAGE)
async def post_jurisdiction(
    authority_id: UUID,
    body: JurisdictionRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> AuthorityDetail:
    """Cover a further region for a period."""
    await _checked(session, actor, authority_id, expected)
    changed = await authorities.add_jurisdiction(session, actor, authority_id, expected, body)
    return await _detail(session, changed, response)


@router.post("/authorities/{authority_id}/jurisdictions/{jurisdiction_id}/ending", dependencies=MANAGE)
async def post_jurisdiction_ending(
    authority_id: UUID,
    jurisdiction_id: UUID,
    body: Ending,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> AuthorityDetail:
    """Set the last day of a jurisdiction."""
    await _checked(session, actor, authority_id, expected)
    changed = await authorities.end_jurisdiction(
        session, actor, authority_id, expected, jurisdiction_id, body.valid_until
    )
    return await _detail(session, changed, response)


@router.post("/authorities/{authority_id}/entrustments", status_code=201, dependencies=MANAGE)
async def post_entrustment(
    authority_id: UUID,
    body: EntrustmentRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> AuthorityDetail:
    """Let the authority act in another's name for a period."""
    await _checked(session, actor, authority_id, expected)
    changed = await authorities.entrust_authority(session, actor, authority_id, expected, body)
    return await _detail(session, changed, response)


@router.post("/authorities/{authority_id}/entrustments/{entrustment_id}/ending", dependencies=MANAGE)
async def post_entrustment_ending(
    authority_id: UUID,
    entrustment_id: UUID,
    body: Ending,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> AuthorityDetail:
    """Set the last day of an entrustment."""
    await _checked(session, actor, authority_id, expected)
    changed = await authorities.end_entrustment(
        session, actor, authority_id, expected, entrustment_id, body.valid_until
    )
    return await _detail(session, changed, response)


@router.get("/brigades", dependencies=READ)
async def get_brigades(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    authority_id: UUID | None = None,
    is_active: bool | None = None,
) -> PageOf[BrigadeView]:
    """Brigades and squads of the authorities the caller sees, newest first."""
    page = await brigades.list_brigades(
        session, actor, paging.request, authority_id=authority_id, is_active=is_active
    )
    return paging.page(page, BrigadeView.model_validate)


@router.post("/authorities/{authority_id}/brigades", status_code=201, dependencies=MANAGE)
async def post_brigade(
    authority_id: UUID,
    body: BrigadeRequest,
    response: Response,
    actor: CurrentActor,
    session: WriteSession,
    _: Idempotency,
) -> BrigadeView:
    """A new brigade, or a squad of one."""
    brigade = await brigades.create_brigade(session, actor, authority_id, body)
    set_etag(response, brigade.version)
    return BrigadeView.model_validate(brigade)


@router.get("/brigades/{brigade_id}", dependencies=READ)
async def get_one_brigade(
    brigade_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> BrigadeView:
    """One brigade or squad."""
    brigade = await get_brigade(session, actor, brigade_id)
    set_etag(response, brigade.version)
    return BrigadeView.model_validate(brigade)


@router.patch("/brigades/{brigade_id}", dependencies=MANAGE)
async def patch_brigade(
    brigade_id: UUID,
    body: BrigadeChange,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> BrigadeView:
    """Rename, close or reopen a brigade."""
    check_version((await get_brigade(session, actor, brigade_id)).version, expected)
    values = body.model_dump(exclude_none=True)
    brigade = await brigades.change_brigade(session, actor, brigade_id, expected, values)
    set_etag(response, brigade.version)
    return BrigadeView.model_validate(brigade)
