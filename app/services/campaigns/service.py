"""Planning campaigns and changing them."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.db.versions import compare_and_set, different
from app.models.campaigns import Campaign, CampaignAssignment
from app.models.inspections import Assignment
from app.schemas.campaigns import CampaignContent, CampaignRequest
from app.services.audit.service import record_act
from app.services.campaigns.errors import CampaignAuthorityProblem, CampaignNameProblem, CampaignPeriodProblem
from app.services.identity.places import lies_over
from app.services.organizations.jurisdiction import authority_covers, may_name

PERIOD = ("starts_on", "ends_on")
NAMED = 20
"""How many assignments a refusal names at most."""


async def plan_campaign(session: AsyncSession, actor: Actor, request: CampaignRequest) -> Campaign:
    """A new campaign, in the name of the actor's own authority or of one that has entrusted it.

    Raises ForbiddenProblem outside the actor's regions, CampaignNameProblem, CampaignAuthorityProblem.
    """
    actor.require("campaigns:manage", request.region_id)
    await _check_name(session, actor, request.authority_id)
    await _check_authority(session, request.authority_id, request.region_id, request)
    campaign = Campaign(id=new_id(), version=1, created_by=actor.user_id, **request.model_dump())
    session.add(campaign)
    await session.flush()
    await record_campaign(session, actor, campaign, "campaigns:plan")
    return campaign


async def get_campaign(session: AsyncSession, actor: Actor, campaign_id: UUID) -> Campaign:
    """One campaign that the actor may read; raises NotFoundProblem."""
    wanted = select(Campaign).where(Campaign.id == campaign_id, visible_to(actor))
    campaign = (await session.execute(wanted)).scalar_one_or_none()
    if campaign is None:
        raise NotFoundProblem
    return campaign


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Of the actor's regions, or of one that they lie in: whoever carries a city's campaign out in a district reads it."""
    return lies_over(Campaign.region_id, actor.regions_for("campaigns:read"))


async def change_campaign(
    session: AsyncSession, actor: Actor, campaign_id: UUID, expected: int, content: CampaignContent
) -> Campaign:
    """Say anew what it is called, what for and when; a closed one goes on when its last day is put off. No difference: no new
    version. Raises CampaignNameProblem, CampaignAuthorityProblem, ConflictProblem, and CampaignPeriodProblem where assignments of
    it would lie outside."""
    campaign = await get_campaign(session, actor, campaign_id)
    actor.require("campaigns:manage", campaign.region_id)
    await _check_name(session, actor, campaign.authority_id)
    new = different(campaign, content.model_dump())
    if not new:
        return campaign
    before = _state_of(campaign)
    # waits for whoever is adding assignments, and keeps others from it until the commit
    await compare_and_set(session, campaign, expected, **new)
    moved = {name: [before[name].isoformat(), new[name].isoformat()] for name in PERIOD if name in new}
    if moved:
        await _check_authority(session, campaign.authority_id, campaign.region_id, content)
        await _check_members(session, campaign)
    detail = {"changed": sorted(new), **moved}
    await record_campaign(session, actor, campaign, "campaigns:change", before=before, detail=detail)
    return campaign


async def record_campaign(
    session: AsyncSession,
    actor: Actor,
    campaign: Campaign,
    action: str,
    *,
    before: dict[str, Any] | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """The audit and change rows of an act on a campaign."""
    await record_act(
        session,
        actor,
        action=action,
        kind="campaign",
        object_id=campaign.id,
        version=campaign.version,
        region_id=campaign.region_id,
        before=before,
        after=_state_of(campaign),
        detail=detail,
    )


async def _check_name(session: AsyncSession, actor: Actor, authority_id: UUID) -> None:
    if not await session.scalar(select(may_name(actor.authority_id, authority_id, shanghai_today()))):
        raise CampaignNameProblem


async def _check_authority(
    session: AsyncSession, authority_id: UUID, region_id: UUID, period: CampaignContent
) -> None:
    for day in (period.starts_on, period.ends_on):
        if not await authority_covers(session, authority_id, region_id, day):
            raise CampaignAuthorityProblem


async def _check_members(session: AsyncSession, campaign: Campaign) -> None:
    """Every assignment of the campaign lies within its period as it is now."""
    outside = (
        select(Assignment.id, func.count().over())
        .join(CampaignAssignment, CampaignAssignment.assignment_id == Assignment.id)
        .where(
            CampaignAssignment.campaign_id == campaign.id,
            or_(Assignment.planned_from < campaign.starts_on, Assignment.planned_until > campaign.ends_on),
        )
        .order_by(Assignment.id)
        .limit(NAMED)
    )
    found = (await session.execute(outside)).all()
    if found:
        raise CampaignPeriodProblem(count=found[0][1], assignments=[str(one) for one, _ in found])


def _state_of(campaign: Campaign) -> dict[str, Any]:
    return {name: getattr(campaign, name) for name in CampaignContent.model_fields}
