"""Who answers for a clock: handed over by a person, with its subject, or with whoever changes his unit. No end moves by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.events import publish
from app.core.ids import new_id
from app.db.rows import insert_rows
from app.db.versions import compare_and_set
from app.models.clocks import Clock, ClockEvent
from app.models.identity import User
from app.services.audit.service import rows_of_acts
from app.services.clocks.errors import (
    ClockOfSupervisorProblem,
    ClockOfTeamProblem,
    ClockPersonProblem,
    ClockStateProblem,
)
from app.services.clocks.events import MoveBegun
from app.services.clocks.ledger import act_of, record_move
from app.services.organizations.jurisdiction import may_name


@dataclass(frozen=True, slots=True)
class Subject:
    """What a clock runs for, and who answers for it; the unit is his."""

    kind: str
    id: UUID
    authority_id: UUID
    region_id: UUID
    responsible_id: UUID | None = None


async def brigade_of(session: AsyncSession, user_id: UUID | None, authority_id: UUID) -> UUID | None:
    """The unit of whoever answers for a clock of the authority; None: in none, or in one of an authority that may not have it.

    He changes his unit before this transaction or after it, and then the clock goes with him.
    """
    if user_id is None:
        return None
    unit = select(User.brigade_id).where(
        User.id == user_id, may_name(User.authority_id, authority_id, shanghai_today())
    )
    return await session.scalar(unit.with_for_update(read=True, of=User))


async def hold_responsible(session: AsyncSession, subject_ids: Sequence[UUID]) -> None:
    """Lock who answers for the running clocks of some subjects: whoever is about to end these, and let others run in their place.

    Subjects are locked first, then persons, then clocks. Whoever changes his unit is locked before his clocks: who begins with a
    clock, and then waits for the one who answers for it, would wait crosswise.
    """
    answering = select(Clock.responsible_id).where(
        Clock.subject_id.in_(subject_ids), Clock.ended_on.is_(None)
    )
    held = select(User.id).where(User.id.in_(answering)).order_by(User.id)
    await session.execute(held.with_for_update(read=True, of=User))


async def hand_over(
    session: AsyncSession, actor: Actor, clock: Clock, expected: int, responsible_id: UUID, reason: str
) -> Clock:
    """Let another one answer for a running clock from today on: in service of its authority, or of one it has entrusted.

    What a case or a placard names itself is not handed over at the clock: its clocks go with the team, or the supervisor. Raises
    ClockOfTeamProblem, ClockOfSupervisorProblem, ClockPersonProblem, ClockStateProblem.
    """
    actor.require("clocks:hand_over", clock.region_id)
    if clock.subject_kind == "case":
        raise ClockOfTeamProblem(case_id=str(clock.subject_id))
    if clock.subject_kind == "placard":
        raise ClockOfSupervisorProblem(placard_id=str(clock.subject_id))
    if clock.ended_on is not None:
        raise ClockStateProblem
    today = shanghai_today()
    await publish(session, MoveBegun({clock.subject_kind: [clock.subject_id]}))
    user = await session.get(User, responsible_id, with_for_update={"read": True}, populate_existing=True)
    if user is None or not user.is_active:
        raise ClockPersonProblem
    if not await session.scalar(select(may_name(user.authority_id, clock.authority_id, today))):
        raise ClockPersonProblem
    values = {"responsible_id": responsible_id, "brigade_id": user.brigade_id}
    await compare_and_set(session, clock, expected, **values)
    await record_move(session, actor, clock, "hand_over", today, due_before=clock.due_on, reason=reason)
    return clock


async def hand_over_clocks(session: AsyncSession, actor: Actor, subject: Subject) -> None:
    """Whoever answers for a subject from today on answers for its running clocks, and his unit; when they end stays as it is."""
    brigade_id = await brigade_of(session, subject.responsible_id, subject.authority_id)
    which = (Clock.subject_id == subject.id) & Clock.responsible_id.is_distinct_from(subject.responsible_id)
    await _give(session, actor, which, subject.responsible_id, brigade_id)


async def move_to_brigade(
    session: AsyncSession, actor: Actor, responsible_id: UUID, authority_id: UUID, brigade_id: UUID | None
) -> None:
    """Whoever answers for clocks has another unit: the running ones go with him.

    Those of an authority in whose name his own may not act stay with the unit they were with: no other authority's gets them.
    """
    which = (
        (Clock.responsible_id == responsible_id)
        & Clock.brigade_id.is_distinct_from(brigade_id)
        & may_name(authority_id, Clock.authority_id, shanghai_today())
    )
    await _give(session, actor, which, responsible_id, brigade_id)


async def _give(
    session: AsyncSession,
    actor: Actor,
    which: ColumnElement[bool],
    responsible_id: UUID | None,
    brigade_id: UUID | None,
) -> None:
    """Hand running clocks over: one statement for them, in order of id, and one for ledger, audit and changes."""
    running = select(Clock.id).where(which, Clock.ended_on.is_(None)).order_by(Clock.id).correlate(None)
    given = (
        update(Clock)
        .where(Clock.id.in_(running.with_for_update()))
        .values(responsible_id=responsible_id, brigade_id=brigade_id, version=Clock.version + 1)
        .returning(Clock)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    clocks = (await session.execute(given)).scalars().all()
    rows = [
        {
            "id": new_id(),
            "clock_id": clock.id,
            "action": "hand_over",
            "on_date": shanghai_today(),
            "due_before": clock.due_on,
            "due_after": clock.due_on,
            "responsible_id": responsible_id,
            "user_id": actor.user_id,
        }
        for clock in clocks
    ]
    acts = [act_of(clock, "hand_over", clock.due_on) for clock in clocks]
    await insert_rows(session, (ClockEvent, rows), *rows_of_acts(actor, acts))
