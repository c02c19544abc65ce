"""What becomes of a placard when its hazard takes a step, is closed, merged into another or parted from it.

A placard stays with the hazard it was decided for. While that is merged into another, the one that stands decides when it may be
taken down; nothing is taken down by itself.

Its period (治理期限) is the enterprise's, for the removal. What is reported waits for the authority, whose ten days are the
hazard's `recheck` (Order 16, 23, of listed hazards too; to be confirmed), and nobody is reminded of what the enterprise has done
in time: the period ends with the report, or with the re-inspection that found the hazard rectified unasked. One that finds it
undone, or a new order, reopens it to the end it had.
"""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.db.versions import compare_and_set
from app.models.hazards import Hazard
from app.models.placards import Placard
from app.services.clocks.responsibility import Subject
from app.services.clocks.service import end_clocks, reopen_clocks
from app.services.hazards.placard_steps import record_placard_step
from app.services.hazards.placard_workflow import ACCEPTED, ANSWERED, STANDING
from app.services.hazards.standing import all_below, all_merged_with, merged_downwards, merged_upwards

PROPOSE_REMOVAL = "propose_removal"


def subject_of_placard(placard: Placard) -> Subject:
    """The placard as its clock knows it: whoever watches it answers for its period."""
    return Subject("placard", placard.id, placard.authority_id, placard.region_id, placard.supervisor_id)


async def settle_periods(session: AsyncSession, actor: Actor, standing: Hazard, on: date) -> None:
    """A hazard took a step, on that day: the periods of all placards in force that it stands for end, or run on, as its state says.

    Only what is major is listed, and it is never merged into what is not (content/law/placards.yaml, MergeLevelProblem).
    """
    if standing.level == "major":
        await _settle_periods(session, actor, standing.id, standing.status, on)


async def propose_removals(session: AsyncSession, actor: Actor, hazard: Hazard) -> None:
    """A hazard was closed: the history of every placard in force that it stands for says that its removal is due."""
    note = f"隐患{hazard.number}已销号，建议验收摘牌"
    own = await all_merged_with(session, [hazard.id])
    await _note(session, actor, own, {"in_force"}, PROPOSE_REMOVAL, note)


async def follow_merging(session: AsyncSession, actor: Actor, merged: Hazard, kept: Hazard) -> None:
    """The placards that the merged hazard stood for follow the one that stays; their history names it."""
    below = set(await merged_downwards(session, merged.id))
    await _note(
        session,
        actor,
        below,
        STANDING,
        "follow",
        f"隐患{merged.number}已并入{kept.number}，摘牌以该隐患验收为准",
    )
    await _settle_periods(session, actor, merged.id, kept.status, shanghai_today())


async def follow_parting(session: AsyncSession, actor: Actor, parted: Hazard, kept: Hazard) -> None:
    """The hazard stands by itself again, and so do its placards."""
    below = set(await merged_downwards(session, parted.id))
    await _note(session, actor, below, STANDING, "part", f"隐患{parted.number}与{kept.number}的合并已撤销")
    await _settle_periods(session, actor, parted.id, parted.status, shanghai_today())


async def hold_standing(session: AsyncSession, hazard_id: UUID) -> tuple[Hazard, Hazard]:
    """A hazard and the one that stands for it; neither takes a step before this unit of work ends. Locked in order of id."""
    ids = await merged_upwards(session, [hazard_id])
    wanted = select(Hazard).where(Hazard.id.in_(ids)).order_by(Hazard.id).with_for_update(read=True)
    rows = await session.execute(wanted.execution_options(populate_existing=True))
    known = {hazard.id: hazard for hazard in rows.scalars()}
    own = standing = known[hazard_id]
    while standing.merged_into_id is not None and standing.merged_into_id in known:
        standing = known[standing.merged_into_id]
    return own, standing


async def standing_of(session: AsyncSession, placards: Collection[Placard]) -> dict[UUID, Hazard]:
    """By placard, the hazard that decides when it may be taken down: two statements for all."""
    stays = await all_merged_with(session, {one.hazard_id for one in placards})
    found = await session.execute(select(Hazard).where(Hazard.id.in_(set(stays.values()))))
    hazards = {hazard.id: hazard for hazard in found.scalars()}
    return {one.id: hazards[stays[one.hazard_id]] for one in placards}


def removal_due(placard: Placard, standing: Hazard) -> bool:
    """It is in force while officers have found the hazard rectified: whoever decides may take it down by acceptance."""
    return placard.status == "in_force" and standing.status in ACCEPTED


def is_removal_due() -> ColumnElement[bool]:
    """The same in SQL, of a Placard."""
    first, upper = aliased(Hazard), aliased(Hazard)
    up = (
        select(first.id.label("origin"), first.status, first.merged_into_id.label("into"))
        .where(first.id.in_(select(Placard.hazard_id).where(Placard.status == "in_force")))
        .cte("placards_up", recursive=True)
    )
    further = select(up.c.origin, upper.status, upper.merged_into_id).join(upper, upper.id == up.c.into)
    up = up.union_all(further)
    accepted = select(up.c.origin).where(up.c.into.is_(None), up.c.status.in_(ACCEPTED))
    return and_(Placard.status == "in_force", Placard.hazard_id.in_(accepted))


def stands_for(kind: str) -> ColumnElement[bool]:
    """That a placard of the kind stands for a Hazard: its own, or one in force of a hazard merged into it."""
    own, upper = aliased(Hazard), aliased(Hazard)
    in_force = select(Placard.hazard_id).where(Placard.kind == kind, Placard.status == "in_force")
    into = (
        select(own.merged_into_id.label("id"))
        .where(own.merged_into_id.is_not(None), own.id.in_(in_force))
        .cte(f"placarded_{kind}", recursive=True)
    )
    further = select(upper.merged_into_id).join(into, upper.id == into.c.id)
    into = into.union(further.where(upper.merged_into_id.is_not(None)))
    itself = select(Placard.id).where(
        Placard.hazard_id == Hazard.id, Placard.kind == kind, Placard.status.in_(STANDING)
    )
    return or_(itself.correlate(Hazard).exists(), Hazard.id.in_(select(into.c.id)))


async def _settle_periods(
    session: AsyncSession, actor: Actor, hazard_id: UUID, status: str, on: date
) -> None:
    """Of the placards in force of a hazard and all that was merged into it, while a hazard of that status stands for them.

    They are locked before their clocks, as whoever moves these locks them.
    """
    wanted = (
        select(Placard)
        .where(Placard.hazard_id.in_(all_below(hazard_id)), Placard.status == "in_force")
        .order_by(Placard.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    for placard in (await session.execute(wanted)).scalars().all():
        assert placard.decided_on is not None  # it is in force
        day = max(on, placard.decided_on)  # a visit may be handed in later than the placard was put up
        if status in ANSWERED:
            await end_clocks(session, actor, placard.id, ("placard",), day)
        else:
            await reopen_clocks(session, actor, placard.id, ("placard",), day, placard.supervisor_id)


async def _note(
    session: AsyncSession,
    actor: Actor,
    hazard_ids: Collection[UUID],
    states: Collection[str],
    action: str,
    note: str,
) -> None:
    """Write a step that leaves the placards of some hazards in their state."""
    wanted = (
        select(Placard)
        .where(Placard.hazard_id.in_(hazard_ids), Placard.status.in_(states))
        .order_by(Placard.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for placard in (await session.execute(wanted)).scalars().all():
        await compare_and_set(session, placard, placard.version)
        await record_placard_step(session, actor, placard, action, placard.status, note)
