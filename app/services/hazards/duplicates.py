"""Hazards that may be one, in people's hands: one stays, the other is merged into it; or they are two; and either way undone."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import ConflictProblem, NotFoundProblem
from app.core.events import publish
from app.core.paging import Page, PageRequest
from app.db.versions import compare_and_set
from app.models.clocks import Clock
from app.models.hazards import Hazard, HazardDuplicate, HazardStep
from app.services.audit.service import note_change, record_act
from app.services.hazards.covering import cover_kept, uncover_kept
from app.services.hazards.duplicate_workflow import TRANSITIONS
from app.services.hazards.errors import (
    DuplicateChoiceProblem,
    DuplicateStateProblem,
    HazardMergedProblem,
    MergeChoiceProblem,
    MergeClockProblem,
    MergeLevelProblem,
    MergeLoss,
    UndoMajorProblem,
)
from app.services.hazards.events import HazardsMerged
from app.services.hazards.placard_following import follow_merging, follow_parting
from app.services.hazards.service import record_step
from app.services.hazards.standing import merged_downwards, merged_upwards
from app.services.identity.places import lies_in


@dataclass(frozen=True, slots=True)
class DuplicateFilter:
    """What a list is narrowed to; None means all. A region includes what lies below it."""

    region_id: UUID | None = None
    hazard_id: UUID | None = None
    status: str | None = None


async def get_duplicate(session: AsyncSession, actor: Actor, duplicate_id: UUID) -> HazardDuplicate:
    """One proposal of the actor's regions; raises NotFoundProblem."""
    wanted = _readable(actor).where(HazardDuplicate.id == duplicate_id)
    row = (await session.execute(wanted)).scalar_one_or_none()
    if row is None:
        raise NotFoundProblem
    return row


async def list_duplicates(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: DuplicateFilter
) -> Page[HazardDuplicate]:
    """Newest first, one statement; proposals one of whose hazards is closed or merged by now wait for nobody and are left out."""
    conditions: list[ColumnElement[bool]] = []
    if narrowed.region_id is not None:
        conditions.append(lies_in(HazardDuplicate.region_id, narrowed.region_id))
    if narrowed.hazard_id is not None:
        conditions.append(
            (HazardDuplicate.hazard_id == narrowed.hazard_id)
            | (HazardDuplicate.other_id == narrowed.hazard_id)
        )
    if narrowed.status is not None:
        conditions.append(HazardDuplicate.status == narrowed.status)
    if narrowed.status == "proposed":
        conditions.append(~_is_settled())
    if request.after:
        conditions.append(HazardDuplicate.id < request.after[0])
    wanted = _readable(actor).where(*conditions).order_by(HazardDuplicate.id.desc())
    rows = list((await session.execute(wanted.limit(request.limit + 1))).scalars())
    return Page.cut(rows, request, key=lambda row: (row.id,))


async def pairs_of(session: AsyncSession, rows: list[HazardDuplicate]) -> dict[UUID, Hazard]:
    """The hazards of some proposals by id, one statement."""
    ids = {one for row in rows for one in (row.hazard_id, row.other_id)}
    found = await session.execute(select(Hazard).where(Hazard.id.in_(ids)))
    return {hazard.id: hazard for hazard in found.scalars()}


async def list_merged_into(session: AsyncSession, hazard_id: UUID) -> list[Hazard]:
    """The hazards that were merged into this one, oldest first."""
    wanted = select(Hazard).where(Hazard.merged_into_id == hazard_id).order_by(Hazard.id)
    return list((await session.execute(wanted)).scalars())


async def merge_hazards(
    session: AsyncSession, actor: Actor, duplicate_id: UUID, expected: int, kept_id: UUID, reason: str
) -> HazardDuplicate:
    """One stays as it is; the other is merged into it, and keeps its history, its orders and its cases.

    Raises DuplicateStateProblem, DuplicateChoiceProblem, HazardMergedProblem, MergeLevelProblem, MergeClockProblem,
    MergeChoiceProblem, and what cases refuse.
    """
    row = await _judge(session, actor, duplicate_id, "merge")
    if kept_id not in (row.hazard_id, row.other_id):
        raise DuplicateChoiceProblem
    hazards = await _locked(session, row)
    kept, merged = hazards[kept_id], next(one for key, one in hazards.items() if key != kept_id)
    if any(one.merged_into_id is not None or one.status == "closed" for one in (kept, merged)):
        raise HazardMergedProblem
    if problem := await _refusal(session, kept, merged):
        raise problem
    if lost := _lost(kept, merged):
        other_way = not _lost(merged, kept) and not await _refusal(session, merged, kept)
        raise MergeChoiceProblem(reason=lost, other_way=other_way)
    await _settle(session, row, expected, "merge", actor, reason, kept_id=kept_id)
    await _set_merged(session, merged, kept.id)
    widened = await cover_kept(session, merged.id, kept.id)
    detail = _detail(row, kept, merged, widened)
    await record_step(session, actor, merged, "merge", merged.status, note=reason, detail=detail)
    await record_step(session, actor, kept, "absorb", kept.status, note=reason, detail=detail)
    await follow_merging(session, actor, merged, kept)
    await _record(session, actor, row, "merge")
    await publish(session, HazardsMerged(kept.id, merged.id))
    return row


async def undo_merging(
    session: AsyncSession, actor: Actor, duplicate_id: UUID, expected: int, reason: str
) -> HazardDuplicate:
    """The merged one stands by itself again, as it was; the proposal is open once more.

    Raises DuplicateStateProblem, UndoMajorProblem.
    """
    row = await _judge(session, actor, duplicate_id, "undo")
    hazards = await _locked(session, row)
    assert row.kept_id is not None
    kept, merged = hazards[row.kept_id], next(one for key, one in hazards.items() if key != row.kept_id)
    if await _became_major(session, row, kept.id, merged.id):
        raise UndoMajorProblem(number=kept.number)
    await _settle(session, row, expected, "undo", actor, reason, kept_id=None)
    await _set_merged(session, merged, None)
    detail = _detail(row, kept, merged, await uncover_kept(session, kept.id))
    await record_step(session, actor, merged, "undo_merge", merged.status, note=reason, detail=detail)
    await record_step(session, actor, kept, "undo_absorb", kept.status, note=reason, detail=detail)
    await follow_parting(session, actor, merged, kept)
    await _record(session, actor, row, "undo")
    return row


async def dismiss_duplicate(
    session: AsyncSession, actor: Actor, duplicate_id: UUID, expected: int, reason: str
) -> HazardDuplicate:
    """They are two; both are compared once more, since one is proposed with few others at a time. Raises DuplicateStateProblem."""
    row = await _judge(session, actor, duplicate_id, "dismiss")
    await _settle(session, row, expected, "dismiss", actor, reason, kept_id=None)
    for hazard in (await pairs_of(session, [row])).values():
        await note_change(
            session, kind="hazard", object_id=hazard.id, version=hazard.version, region_id=hazard.region_id
        )
    await _record(session, actor, row, "dismiss")
    return row


async def _judge(session: AsyncSession, actor: Actor, duplicate_id: UUID, action: str) -> HazardDuplicate:
    """The proposal, if the actor may take the step and its state allows it."""
    row = await get_duplicate(session, actor, duplicate_id)
    transition = TRANSITIONS[action]
    actor.require(transition.permission, row.region_id)
    if row.status not in transition.sources:
        raise DuplicateStateProblem(state=row.status)
    return row


async def _locked(session: AsyncSession, row: HazardDuplicate) -> dict[UUID, Hazard]:
    """Both hazards, locked in order of id, so that two people never wait crosswise and no step comes between."""
    wanted = select(Hazard).where(Hazard.id.in_((row.hazard_id, row.other_id))).order_by(Hazard.id)
    rows = await session.execute(wanted.with_for_update().execution_options(populate_existing=True))
    return {hazard.id: hazard for hazard in rows.scalars()}


async def _refusal(session: AsyncSession, kept: Hazard, merged: Hazard) -> ConflictProblem | None:
    """Why the state of the one forbids that it be merged into the other."""
    if merged.level == "major" and kept.level != "major":
        return MergeLevelProblem(number=merged.number)
    running = exists().where(Clock.subject_id == merged.id, Clock.ended_on.is_(None))
    return MergeClockProblem(number=merged.number) if await session.scalar(select(running)) else None


def _lost(kept: Hazard, merged: Hazard) -> MergeLoss | None:
    """What the one that stays cannot stand for."""
    if kept.authority_id != merged.authority_id:
        return "authority"
    if kept.source == "tip" and merged.source != "tip":
        return "tip"
    return "item" if merged.item_code and not kept.item_code else None


def _detail(row: HazardDuplicate, kept: Hazard, merged: Hazard, measures: list[UUID]) -> dict[str, Any]:
    """What the steps say; `measures`: the on-site measures that cover the one that stays from now on, or no longer."""
    names = {"duplicate_id": str(row.id), "kept": kept.number, "merged": merged.number}
    return {**names, "measures": [str(one) for one in measures]}


async def _became_major(session: AsyncSession, row: HazardDuplicate, kept_id: UUID, merged_id: UUID) -> bool:
    """Since this merging a clause was confirmed of the merged one, or of what was merged into it: the one that stays, or one it was
    merged into, has become major by it. What was confirmed of others only stays with them. Where it was not written down of which,
    it may have been the merged one.
    """
    absorbed = (
        select(HazardStep.id)
        .where(HazardStep.hazard_id == kept_id, HazardStep.action == "absorb")
        .where(HazardStep.detail["duplicate_id"].astext == str(row.id))
        .order_by(HazardStep.id.desc())
        .limit(1)
    )
    below = [str(one) for one in await merged_downwards(session, merged_id)]
    rests_on = HazardStep.detail["rests_on"]
    confirmed = exists().where(
        HazardStep.hazard_id.in_(await merged_upwards(session, [kept_id])),
        HazardStep.action == "confirm_major",
        HazardStep.id > absorbed.scalar_subquery(),
        or_(rests_on.is_(None), rests_on.has_any(array(below))),
    )
    return bool(await session.scalar(select(confirmed)))


async def _settle(
    session: AsyncSession,
    row: HazardDuplicate,
    expected: int,
    action: str,
    actor: Actor,
    reason: str,
    *,
    kept_id: UUID | None,
) -> None:
    """Compare and set; who decided it, and why."""
    values: dict[str, Any] = {
        "kept_id": kept_id,
        "decided_by": actor.user_id,
        "decided_at": utc_now(),
        "decided_reason": reason,
    }
    await compare_and_set(session, row, expected, status=TRANSITIONS[action].target, **values)


async def _set_merged(session: AsyncSession, hazard: Hazard, kept_id: UUID | None) -> None:
    hazard.merged_into_id, hazard.version = kept_id, hazard.version + 1
    await session.flush()


def _is_settled() -> ColumnElement[bool]:
    """One of the two is closed or merged into another."""
    hazard = aliased(Hazard)
    of_pair = hazard.id.in_([HazardDuplicate.hazard_id, HazardDuplicate.other_id])
    return exists().where(of_pair, (hazard.status == "closed") | hazard.merged_into_id.is_not(None))


def _readable(actor: Actor) -> Select[HazardDuplicate]:
    return select(HazardDuplicate).where(HazardDuplicate.region_id.in_(actor.regions_for("hazards:read")))


async def _record(session: AsyncSession, actor: Actor, row: HazardDuplicate, action: str) -> None:
    await record_act(
        session,
        actor,
        action=f"hazards:{action}_duplicate",
        kind="hazard_duplicate",
        object_id=row.id,
        version=row.version,
        region_id=row.region_id,
        after={"status": row.status, "kept_id": str(row.kept_id) if row.kept_id else None},
        detail={"hazard_id": str(row.hazard_id), "other_id": str(row.other_id)},
    )
