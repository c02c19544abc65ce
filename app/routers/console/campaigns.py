"""Campaigns at the console: planned, given assignments, followed to their end and beyond."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.enums.campaigns import CampaignState
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.schemas.campaigns import (
    CampaignContent,
    CampaignReboundView,
    CampaignRequest,
    CampaignView,
    MembersRequest,
    MembersView,
    ProgressView,
)
from app.schemas.inspections import AssignmentView
from app.services.campaigns.members import add_members, belongs_to, remove_members
from app.services.campaigns.repository import (
    CampaignFilter,
    campaign_rebounds,
    list_campaigns,
    show_campaign,
    show_progress,
)
from app.services.campaigns.service import change_campaign, get_campaign, plan_campaign
from app.services.inspections.assignments import AssignmentFilter, list_assignments

router = APIRouter(prefix="/campaigns", tags=["campaigns"], route_class=IdempotentRoute)
READ = [Depends(allowed("campaigns:read"))]
MANAGE = [Depends(allowed("campaigns:manage"))]


@router.post("", status_code=201, dependencies=MANAGE)
async def post_campaign(
    body: CampaignRequest, response: Response, actor: CurrentActor, session: WriteSession, _: Idempotency
) -> CampaignView:
    """Plan a campaign of an authority in a region of the caller's."""
    campaign = await plan_campaign(session, actor, body)
    set_etag(response, campaign.version)
    return show_campaign(campaign)


@router.get("", dependencies=READ)
async def get_campaigns(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    region_id: UUID | None = None,
    authority_id: UUID | None = None,
    state: Annotated[CampaignState | None, Query()] = None,
    year: Annotated[int | None, Query(ge=1900, le=9999)] = None,
    assignment_id: UUID | None = None,
) -> PageOf[CampaignView]:
    """Campaigns of the caller's regions, newest first; `year`: any day of it; `assignment_id`: that of an assignment."""
    narrowed = CampaignFilter(region_id, authority_id, state, year, assignment_id)
    return paging.page(await list_campaigns(session, actor, paging.request, narrowed), lambda row: row)


@router.get("/rebounds", dependencies=READ)
async def get_rebounds(
    actor: CurrentActor,
    session: ReadSession,
    closed_from: date,
    closed_until: date,
    region_id: UUID | None = None,
) -> list[CampaignReboundView]:
    """Of the hazards found by each campaign and closed in a period: how many came back within the window, the worst first.
    `region_id` narrows the hazards, as in `/hazards/rebounds`."""
    return await campaign_rebounds(session, actor, closed_from, closed_until, region_id)


@router.get("/{campaign_id}", dependencies=READ)
async def get_one_campaign(
    campaign_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> CampaignView:
    """One campaign."""
    campaign = await get_campaign(session, actor, campaign_id)
    set_etag(response, campaign.version)
    return show_campaign(campaign)


@router.put("/{campaign_id}", dependencies=MANAGE)
async def put_campaign(
    campaign_id: UUID,
    body: CampaignContent,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> CampaignView:
    """Change name, purpose and period; its assignments must lie within the new one. A later last day extends a closed campaign."""
    check_version((await get_campaign(session, actor, campaign_id)).version, expected)
    campaign = await change_campaign(session, actor, campaign_id, expected, body)
    set_etag(response, campaign.version)
    return show_campaign(campaign)


@router.get("/{campaign_id}/progress", dependencies=READ)
async def get_progress(campaign_id: UUID, actor: CurrentActor, session: ReadSession) -> ProgressView:
    """Assignments by status, visits made for them, hazards found on these by level and state."""
    return await show_progress(session, actor, campaign_id)


@router.get("/{campaign_id}/assignments", dependencies=READ)
async def get_campaign_assignments(
    campaign_id: UUID,
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    status: Annotated[Literal["assigned", "visited", "cancelled"] | None, Query()] = None,
) -> PageOf[AssignmentView]:
    """The campaign's assignments, newest first."""
    campaign = await get_campaign(session, actor, campaign_id)
    narrowed = AssignmentFilter(status=status, also=belongs_to(campaign.id))
    return paging.page(await list_assignments(session, actor, paging.request, narrowed), lambda row: row)


@router.post("/{campaign_id}/assignments", dependencies=MANAGE)
async def post_assignments(
    campaign_id: UUID, body: MembersRequest, actor: CurrentActor, session: WriteSession
) -> MembersView:
    """Put up to 200 assignments into the campaign, all or none. A repeat is harmless: what is in it already stays as it is."""
    changed = await add_members(session, actor, campaign_id, body.assignment_ids)
    return MembersView(changed=changed, unchanged=len(set(body.assignment_ids)) - changed)


@router.post("/{campaign_id}/assignments/removal", dependencies=MANAGE)
async def post_removal(
    campaign_id: UUID, body: MembersRequest, actor: CurrentActor, session: WriteSession
) -> MembersView:
    """Take assignments that were not visited out of the campaign, all or none. A repeat is harmless: what is out stays out."""
    changed = await remove_members(session, actor, campaign_id, body.assignment_ids)
    return MembersView(changed=changed, unchanged=len(set(body.assignment_ids)) - changed)
