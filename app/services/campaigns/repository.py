"""Reading campaigns: filtered lists, how far one is, and what came back of the hazards found by them."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.paging import Page, PageRequest
from app.enums.campaigns import CampaignState
from app.models.campaigns import Campaign, CampaignAssignment
from app.models.hazards import Hazard
from app.models.inspections import Visit
from app.schemas.campaigns import AssignmentCount, CampaignReboundView, CampaignView, ProgressView
from app.schemas.hazards import HazardCount
from app.services.campaigns.members import belongs_to
from app.services.campaigns.period import state_on
from app.services.campaigns.service import get_campaign, visible_to
from app.services.hazards.recurrences import rebounds_by
from app.services.hazards.registry import HazardFilter, conditions_of, count_where
from app.services.identity.places import lies_in
from app.services.inspections.assignments import AssignmentFilter, count_assignments
from app.services.inspections.visits import count_visits


@dataclass(frozen=True, slots=True)
class CampaignFilter:
    """What a list is narrowed to; None means all. A region includes what lies below it; `year`: a day of its period is in it."""

    region_id: UUID | None = None
    authority_id: UUID | None = None
    state: CampaignState | None = None
    year: int | None = None
    assignment_id: UUID | None = None


async def list_campaigns(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: CampaignFilter
) -> Page[CampaignView]:
    """Newest first, one statement."""
    conditions = _conditions(actor, narrowed)
    if request.after:
        conditions.append(Campaign.id < request.after[0])
    wanted = select(Campaign).where(*conditions).order_by(Campaign.id.desc()).limit(request.limit + 1)
    page = Page.cut(list((await session.scalars(wanted)).all()), request, key=lambda row: (row.id,))
    return Page([show_campaign(row) for row in page.items], page.next_key)


def show_campaign(campaign: Campaign) -> CampaignView:
    """A campaign with its state today."""
    state = state_on(campaign.starts_on, campaign.ends_on, shanghai_today())
    plain = {name: getattr(campaign, name) for name in CampaignView.model_fields if name != "state"}
    return CampaignView(**plain, state=state)


async def show_progress(session: AsyncSession, actor: Actor, campaign_id: UUID) -> ProgressView:
    """Its assignments by status, the visits made for them, the hazards found on these by level and state: four statements.

    Each counts what lies in the actor's regions, whatever the campaign's is.
    """
    campaign = await get_campaign(session, actor, campaign_id)
    members = select(CampaignAssignment.assignment_id).where(CampaignAssignment.campaign_id == campaign.id)
    visited = Visit.assignment_id.in_(members)
    found = Hazard.visit_id.in_(select(Visit.id).where(visited))
    registered = [*conditions_of(actor.regions_for("hazards:read"), HazardFilter()), found]
    assignments = await count_assignments(session, actor, AssignmentFilter(also=belongs_to(campaign.id)))
    return ProgressView(
        assignments=[AssignmentCount(status=status, count=count) for status, count in assignments],
        visits=await count_visits(session, actor, also=visited),
        hazards=[
            HazardCount(level=level, status=status, count=count, overdue=late)
            for level, status, count, late in await count_where(session, registered)
        ],
    )


async def campaign_rebounds(
    session: AsyncSession, actor: Actor, closed_from: date, closed_until: date, region_id: UUID | None
) -> list[CampaignReboundView]:
    """Of the hazards found by each campaign and closed in the period: how many came back, whoever found that; the worst first."""
    group = (Campaign.id, Campaign.name_zh, Campaign.name_en)
    wanted = (
        rebounds_by(actor, group, closed_from, closed_until, region_id)
        .join(Visit, Visit.id == Hazard.visit_id)
        .join(CampaignAssignment, CampaignAssignment.assignment_id == Visit.assignment_id)
        .join(Campaign, Campaign.id == CampaignAssignment.campaign_id)
        .where(visible_to(actor))
    )
    return [
        CampaignReboundView(
            group=str(identifier), name_zh=name_zh, name_en=name_en, closed=closed, came_back=came_back
        )
        for identifier, name_zh, name_en, closed, came_back in await session.execute(wanted)
    ]


def _conditions(actor: Actor, narrowed: CampaignFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [visible_to(actor)]
    if narrowed.region_id is not None:
        conditions.append(lies_in(Campaign.region_id, narrowed.region_id))
    if narrowed.authority_id is not None:
        conditions.append(Campaign.authority_id == narrowed.authority_id)
    if narrowed.state is not None:
        conditions += _in_state(narrowed.state, shanghai_today())
    if narrowed.year is not None:
        conditions += [
            Campaign.starts_on <= date(narrowed.year, 12, 31), Campaign.ends_on >= date(narrowed.year, 1, 1)
        ]  # fmt: skip
    if narrowed.assignment_id is not None:
        of_it = CampaignAssignment.assignment_id == narrowed.assignment_id
        conditions.append(Campaign.id.in_(select(CampaignAssignment.campaign_id).where(of_it)))
    return conditions


def _in_state(state: CampaignState, today: date) -> list[ColumnElement[bool]]:
    """The same as period.state_on, in SQL."""
    match state:
        case CampaignState.PLANNED:
            return [Campaign.starts_on > today]
        case CampaignState.RUNNING:
            return [Campaign.starts_on <= today, Campaign.ends_on >= today]
        case _:
            return [Campaign.ends_on < today]
