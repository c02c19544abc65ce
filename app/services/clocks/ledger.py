"""The ledger of a clock: what is read from it, and how a row is added with its audit and change rows."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import SHANGHAI
from app.core.events import publish
from app.core.ids import new_id
from app.core.working_calendar import WorkingCalendar
from app.db.rows import insert_rows
from app.models.clocks import Clock, ClockEvent
from app.rules.clocks import ClockUnit, Period, Suspension, project
from app.services.audit.service import Act, rows_of_acts
from app.services.clocks.events import ClockMoved


async def list_ledger(session: AsyncSession, clock_id: UUID) -> Sequence[ClockEvent]:
    """What happened to a clock, oldest first."""
    wanted = select(ClockEvent).where(ClockEvent.clock_id == clock_id).order_by(ClockEvent.position)
    return (await session.execute(wanted)).scalars().all()


async def list_ledgers(session: AsyncSession, clock_ids: Sequence[UUID]) -> dict[UUID, list[ClockEvent]]:
    """The same of several clocks: one statement."""
    wanted = select(ClockEvent).where(ClockEvent.clock_id.in_(clock_ids)).order_by(ClockEvent.position)
    ledgers: dict[UUID, list[ClockEvent]] = {clock_id: [] for clock_id in clock_ids}
    for event in (await session.execute(wanted)).scalars():
        ledgers[event.clock_id].append(event)
    return ledgers


def period_of(clock: Clock) -> Period:
    """The clock's period with what it was extended by."""
    amount = None if clock.amount is None else clock.amount + clock.extended_by
    return Period(amount, ClockUnit(clock.unit), clock.rolls_over, clock.backwards, clock.clear)


def suspensions_of(ledger: Sequence[ClockEvent]) -> list[Suspension]:
    """The pairs of suspend and resume, in the order they were written. A resume that no suspend comes before changes nothing: where
    the machine's time was set back, old ledgers may have them so."""
    found: list[Suspension] = []
    for event in ledger:
        if event.action == "suspend":
            found.append(Suspension(event.on_date, None))
        elif event.action == "resume" and found:
            found[-1] = Suspension(found[-1].since, event.on_date)
    return found


def project_anew(clock: Clock, ledger: Sequence[ClockEvent], days: WorkingCalendar) -> None:
    """Let the clock end where its period, what is in its ledger and the calendar say."""
    end = project(period_of(clock), clock.started_at.astimezone(SHANGHAI), suspensions_of(ledger), days)
    clock.due_on, clock.due_at = end.due_on, end.due_at
    clock.unknown = end.unknown.value if end.unknown else None
    clock.missing_year = end.missing_year


async def record_move(
    session: AsyncSession,
    actor: Actor,
    clock: Clock,
    action: str,
    on: date,
    *,
    due_before: date | None,
    ground: str | None = None,
    reason: str | None = None,
    amount: int | None = None,
    notice_id: UUID | None = None,
) -> None:
    """The ledger row with the end before and after, and the audit and change rows beside it."""
    session.add(
        ClockEvent(
            id=new_id(),
            clock_id=clock.id,
            action=action,
            on_date=on,
            ground=ground,
            reason=reason,
            amount=amount,
            notice_id=notice_id,
            due_before=due_before,
            due_after=clock.due_on,
            responsible_id=clock.responsible_id if action in ("start", "reopen", "hand_over") else None,
            user_id=actor.user_id,
        )
    )
    await session.flush()
    if due_before != clock.due_on and action not in ("start", "end"):
        await publish(session, ClockMoved(clock.subject_kind, clock.subject_id, clock.code, clock.due_on))
    await insert_rows(session, *rows_of_acts(actor, [act_of(clock, action, due_before)]))


def act_of(clock: Clock, action: str, due_before: date | None) -> Act:
    """What the audit log says of a step."""
    return Act(
        f"clocks:{action}",
        "clock",
        clock.id,
        clock.version,
        clock.region_id,
        before={"due_on": due_before},
        after={"due_on": clock.due_on},
        detail={"code": clock.code, "subject": str(clock.subject_id)},
    )
