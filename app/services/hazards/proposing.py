"""What the registry itself does with proposals: makes them of overdue orders, and settles them when something else has happened.

Nothing here acts on a hazard. What people do with proposals is in proposals.py.
"""

from collections.abc import Callable, Collection
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.actor import SYSTEM, Actor
from app.core.clock import shanghai_today, utc_now
from app.core.ids import new_id
from app.enums.hazards import MeasureStatus, ProposalEnd, ProposalStatus
from app.models.clocks import Clock
from app.models.hazards import Hazard, HazardProposal, HazardStep
from app.models.measures import MeasureHazard, MeasureStep, OnsiteMeasure
from app.services.audit.service import record_act
from app.services.clocks.content import time_limit
from app.services.clocks.repository import is_past
from app.services.clocks.responsibility import Subject
from app.services.clocks.service import start_clock
from app.services.hazards.content import ProposalKind, placard_kind, proposal_kinds
from app.services.hazards.measure_workflow import IN_FORCE, REVIEWS
from app.services.hazards.placard_following import stands_for
from app.services.hazards.proposal_workflow import TRANSITIONS
from app.services.hazards.workflow import REINSPECTION_STEPS

PROPOSE_BATCH = 200

_made_above: dict[str, Callable[[], ColumnElement[bool]]] = {}


def recognise_made(object_kind: str, condition: Callable[[], ColumnElement[bool]]) -> None:
    """An area above tells how to see of a Hazard, in SQL, that such an object has been made of it: it is not proposed again."""
    _made_above[object_kind] = condition


async def propose_for_overdue(session: AsyncSession) -> int:
    """Propose what fits each hazard whose order's clock is past and of which nothing is reported: once for each hazard, kind and
    deadline. Gives how many. What is reported afterwards takes no proposal back: it stays until the re-inspection. What was taken
    back because the deadline moved is proposed again where it comes back to that day.

    The hazards stay as they are while they are looked at; those that somebody is changing wait for the next time.
    """
    proposed = 0
    for kind in proposal_kinds():
        wanted = _overdue().where(_concerns(kind), ~_proposed(kind), ~_has_already(kind)).limit(PROPOSE_BATCH)
        found = [(row[0], row[1]) for row in await session.execute(wanted)]
        # A case that was being opened while they were looked for is there by now, and none can be opened any more.
        still = select(Hazard.id).where(
            Hazard.id.in_([hazard.id for _, hazard in found]), ~_has_already(kind)
        )
        without = set((await session.execute(still)).scalars())
        for clock, hazard in found:
            if hazard.id in without:
                proposed += await _propose(session, kind, clock, hazard)
    return proposed


async def start_rechecks(session: AsyncSession) -> int:
    """Let the time for re-inspecting run from the end of an order or an on-site measure, where nobody has asked for it before;
    whoever answers for that end answers for it. Gives how many."""
    orders = _overdue().where(~_recheck_asked()).limit(PROPOSE_BATCH)
    measures = _expired_measures().where(~_recheck_asked()).limit(PROPOSE_BATCH)
    found: list[tuple[Clock, Hazard | OnsiteMeasure]] = []
    for wanted in (orders, measures):
        found += [(row[0], row[1]) for row in await session.execute(wanted)]
    for clock, one in found:
        subject = Subject(clock.subject_kind, one.id, one.authority_id, one.region_id, clock.responsible_id)
        assert clock.due_on is not None  # is_past
        await start_clock(session, SYSTEM, subject, "recheck", clock.due_on)
    return len(found)


async def take_up(
    session: AsyncSession, actor: Actor, hazard_ids: Collection[UUID], object_kind: str, object_id: UUID
) -> None:
    """Link what was made of some hazards to the open proposals that asked for it."""
    kinds = [kind.code for kind in proposal_kinds() if kind.taken_up_by == object_kind]
    which = and_(HazardProposal.hazard_id.in_(hazard_ids), HazardProposal.kind.in_(kinds))
    made = {"object_kind": object_kind, "object_id": object_id, "settled_by": actor.user_id}
    await _settle(session, actor, which, "take_up", **made)


async def withdraw_proposals(
    session: AsyncSession, hazard_id: UUID, because: ProposalEnd, *, due_on: date | None = None
) -> None:
    """Take back what is still open of a hazard, and say why; what is for the deadline `due_on` stays."""
    which = HazardProposal.hazard_id == hazard_id
    if due_on is not None:
        which &= HazardProposal.due_on != due_on
    await _settle(session, SYSTEM, which, "withdraw", withdrawn_because=because.value)


def _recheck_asked() -> ColumnElement[bool]:
    """The time for re-inspecting runs, or a re-inspection after the end of this period has answered it.

    One that ended otherwise answers nothing: the registry ends it when the deadline moves.
    """
    recheck = aliased(Clock)
    runs = exists().where(
        recheck.subject_id == Clock.subject_id, recheck.code == "recheck", recheck.ended_on.is_(None)
    )
    of_hazard = exists().where(
        HazardStep.hazard_id == Clock.subject_id,
        HazardStep.action.in_(set(REINSPECTION_STEPS.values())),
        HazardStep.on_date > Clock.due_on,
    )
    of_measure = exists().where(
        MeasureStep.measure_id == Clock.subject_id,
        MeasureStep.action.in_(REVIEWS),
        MeasureStep.on_date > Clock.due_on,
    )
    return or_(*(one.correlate(Clock) for one in (runs, of_hazard, of_measure)))


def _expired_measures() -> Select[Clock, OnsiteMeasure]:
    """On-site measures whose time is over while nobody has begun their lifting."""
    return (
        select(Clock, OnsiteMeasure)
        .join(OnsiteMeasure, OnsiteMeasure.id == Clock.subject_id)
        .where(
            Clock.subject_kind == "onsite_measure",
            Clock.code == "onsite_measure",
            is_past(shanghai_today()),
            OnsiteMeasure.status == MeasureStatus.DECIDED.value,
        )
        .order_by(Clock.due_on, Clock.id)
        .with_for_update(of=OnsiteMeasure, read=True, skip_locked=True)
    )


def _overdue() -> Select[Clock, Hazard]:
    """Ordered hazards whose clock is past, the oldest deadline first; a hazard cannot take a step before the unit of work ends."""
    return (
        select(Clock, Hazard)
        .join(Hazard, Hazard.id == Clock.subject_id)
        .where(
            Clock.subject_kind == "hazard",
            Clock.code == "rectification",
            is_past(shanghai_today()),
            Hazard.status == "ordered",
            Hazard.merged_into_id.is_(None),
        )
        .order_by(Clock.due_on, Clock.id)
        .with_for_update(of=Hazard, read=True, skip_locked=True)
    )


def _concerns(kind: ProposalKind) -> ColumnElement[bool]:
    return Hazard.level.in_(["major"] if kind.concerns == "major" else ["general", "major"])


def _proposed(kind: ProposalKind) -> ColumnElement[bool]:
    known = exists().where(
        HazardProposal.hazard_id == Hazard.id,
        HazardProposal.kind == kind.code,
        HazardProposal.due_on == Clock.due_on,
        ~_moved_away(),
    )
    return known.correlate(Hazard, Clock)


def _moved_away() -> ColumnElement[bool]:
    """Taken back because its deadline had moved."""
    return (HazardProposal.status == ProposalStatus.WITHDRAWN.value) & (
        HazardProposal.withdrawn_because == ProposalEnd.DEADLINE_MOVED.value
    )


def _has_already(kind: ProposalKind) -> ColumnElement[bool]:
    """What would be proposed is there."""
    if kind.taken_up_by == "onsite_measure":
        covered = (
            select(MeasureHazard.hazard_id)
            .join(OnsiteMeasure, OnsiteMeasure.id == MeasureHazard.measure_id)
            .where(MeasureHazard.hazard_id == Hazard.id, OnsiteMeasure.status.in_(IN_FORCE))
        )
        return covered.correlate(Hazard).exists()
    if placard_kind(kind.taken_up_by):
        return stands_for(kind.taken_up_by)
    above = _made_above.get(kind.taken_up_by)
    return above() if above else false()


async def _propose(session: AsyncSession, kind: ProposalKind, clock: Clock, hazard: Hazard) -> int:
    values = {
        "id": new_id(),
        "version": 1,
        "hazard_id": hazard.id,
        "region_id": hazard.region_id,
        "kind": kind.code,
        "due_on": clock.due_on,
        "clock_id": clock.id,
        "clock_title": time_limit(clock.code, shanghai_today()).title.zh,
        "basis_zh": kind.basis.zh,
        "basis_en": kind.basis.en,
        "to_be_confirmed": kind.to_be_confirmed,
        "status": "open",
    }
    again = {name: value for name, value in values.items() if name not in ("id", "version")}
    again |= {
        "version": HazardProposal.version + 1,
        "updated_at": utc_now(),
        "settled_at": None,
        "withdrawn_because": None,
    }
    new = (
        insert(HazardProposal)
        .values(values)
        .on_conflict_do_update(
            index_elements=["hazard_id", "kind", "due_on"], set_=again, where=_moved_away()
        )
        .returning(HazardProposal)
        .execution_options(populate_existing=True)
    )
    row = (await session.execute(new)).scalar_one_or_none()
    if row is None:
        return 0
    if row.id == values["id"]:
        await record_proposal(session, SYSTEM, row, "propose", None)
    else:
        await record_proposal(session, SYSTEM, row, "propose_again", ProposalStatus.WITHDRAWN.value)
    return 1


async def _settle(
    session: AsyncSession, actor: Actor, which: ColumnElement[bool], action: str, **values: Any
) -> None:
    transition = TRANSITIONS[action]
    settled = (
        update(HazardProposal)
        .where(which, HazardProposal.status.in_(transition.sources))
        .values(status=transition.target, version=HazardProposal.version + 1, settled_at=utc_now(), **values)
        .returning(HazardProposal)
        .execution_options(populate_existing=True)
    )
    for row in (await session.execute(settled)).scalars().all():
        await record_proposal(session, actor, row, action, "open")


async def record_proposal(
    session: AsyncSession, actor: Actor, row: HazardProposal, action: str, before: str | None
) -> None:
    """The audit and change rows of a proposal's step."""
    await record_act(
        session,
        actor,
        action=f"hazards:{action}_proposal",
        kind="hazard_proposal",
        object_id=row.id,
        version=row.version,
        region_id=row.region_id,
        before={"status": before} if before else None,
        after={"status": row.status, "object_id": str(row.object_id) if row.object_id else None},
        detail={"hazard_id": str(row.hazard_id), "kind": row.kind, "due_on": row.due_on.isoformat()},
    )
