"""Which assignments belong to a campaign: put in and taken out in batches, the whole batch or nothing of it.

Whoever manages campaigns in an assignment's region puts it in and takes it out, of a campaign of his regions or of one above them.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.enums.campaigns import CampaignState
from app.models.campaigns import Campaign, CampaignAssignment
from app.models.inspections import Assignment
from app.services.campaigns.errors import (
    CampaignClosedProblem,
    MemberVisitedProblem,
    MisfitProblem,
    OtherCampaignProblem,
)
from app.services.campaigns.period import state_on
from app.services.campaigns.service import get_campaign, record_campaign
from app.services.identity.places import lies_in
from app.services.inspections.assignments import visible_to


def belongs_to(campaign_id: UUID) -> ColumnElement[bool]:
    """The assignment is one of the campaign's."""
    members = select(CampaignAssignment.assignment_id).where(CampaignAssignment.campaign_id == campaign_id)
    return Assignment.id.in_(members)


async def add_members(
    session: AsyncSession, actor: Actor, campaign_id: UUID, assignment_ids: Sequence[UUID]
) -> int:
    """Put assignments into a campaign that is not closed, visited ones too; how many were not in it before.

    Raises NotFoundProblem for what the actor does not see, ForbiddenProblem for what lies where he manages none, MisfitProblem,
    OtherCampaignProblem, CampaignClosedProblem.
    """
    campaign = await _held(session, actor, campaign_id)
    await _check_fit(session, actor, campaign, set(assignment_ids))
    rows = [
        {"assignment_id": one, "campaign_id": campaign.id, "added_by": actor.user_id}
        for one in sorted(set(assignment_ids))  # in order, so that two batches never wait for one another
    ]
    new = insert(CampaignAssignment).on_conflict_do_nothing().returning(CampaignAssignment.assignment_id)
    added = sorted((await session.scalars(new, rows)).all())
    elsewhere = select(CampaignAssignment.assignment_id).where(
        CampaignAssignment.assignment_id.in_(assignment_ids), CampaignAssignment.campaign_id != campaign.id
    )
    taken = sorted((await session.scalars(elsewhere)).all())
    if taken:
        raise OtherCampaignProblem(assignments=[str(one) for one in taken])
    await _record(session, actor, campaign, "campaigns:add_assignments", added)
    return len(added)


async def remove_members(
    session: AsyncSession, actor: Actor, campaign_id: UUID, assignment_ids: Sequence[UUID]
) -> int:
    """Take assignments that were not visited out of a campaign that is not closed; how many were in it.

    Raises NotFoundProblem, ForbiddenProblem, MemberVisitedProblem, CampaignClosedProblem.
    """
    campaign = await _held(session, actor, campaign_id)
    ours = CampaignAssignment.campaign_id == campaign.id
    held = (  # so that none is visited before this unit of work ends
        select(Assignment.id, Assignment.status, Assignment.region_id, visible_to(actor))
        .join(CampaignAssignment, CampaignAssignment.assignment_id == Assignment.id)
        .where(ours, CampaignAssignment.assignment_id.in_(assignment_ids))
        .order_by(Assignment.id)
        .with_for_update(read=True, of=Assignment)
    )
    found = (await session.execute(held)).all()
    if not all(is_visible for *_, is_visible in found):
        raise NotFoundProblem
    _check_places(actor, [region_id for _, _, region_id, _ in found])
    kept = [one for one, status, _, _ in found if status == "visited"]
    if kept:
        raise MemberVisitedProblem(assignments=[str(one) for one in kept])
    checked = CampaignAssignment.assignment_id.in_([one for one, *_ in found])  # not what was put in since
    gone = delete(CampaignAssignment).where(ours, checked).returning(CampaignAssignment.assignment_id)
    removed = sorted((await session.scalars(gone)).all())
    await _record(session, actor, campaign, "campaigns:remove_assignments", removed)
    return len(removed)


async def _held(session: AsyncSession, actor: Actor, campaign_id: UUID) -> Campaign:
    """The campaign, whose period does not change before this unit of work ends; raises CampaignClosedProblem."""
    campaign = await get_campaign(session, actor, campaign_id)
    await session.refresh(campaign, with_for_update={"read": True})
    if state_on(campaign.starts_on, campaign.ends_on, shanghai_today()) is CampaignState.CLOSED:
        raise CampaignClosedProblem(ends_on=campaign.ends_on.isoformat())
    return campaign


async def _check_fit(
    session: AsyncSession, actor: Actor, campaign: Campaign, assignment_ids: set[UUID]
) -> None:
    wanted = (
        select(
            Assignment.id,
            lies_in(Assignment.region_id, campaign.region_id),
            (Assignment.planned_from >= campaign.starts_on) & (Assignment.planned_until <= campaign.ends_on),
            Assignment.status != "cancelled",
            Assignment.region_id,
        )
        .where(Assignment.id.in_(assignment_ids), visible_to(actor))
        .order_by(Assignment.id)
    )
    found = (await session.execute(wanted)).all()
    if len(found) < len(assignment_ids):
        raise NotFoundProblem
    misfits = [[str(row[0]) for row in found if not row[place]] for place in (1, 2, 3)]
    if any(misfits):
        outside_region, outside_period, cancelled = misfits
        raise MisfitProblem(outside_region=outside_region, outside_period=outside_period, cancelled=cancelled)
    _check_places(actor, [row[4] for row in found])


def _check_places(actor: Actor, regions: Sequence[UUID]) -> None:
    for region_id in regions:
        actor.require("campaigns:manage", region_id)


async def _record(
    session: AsyncSession, actor: Actor, campaign: Campaign, action: str, assignments: Sequence[UUID]
) -> None:
    """Which they were; a repeat that changes nothing leaves nothing."""
    if assignments:
        detail = {"assignment_ids": [str(one) for one in assignments]}
        await record_campaign(session, actor, campaign, action, detail=detail)
