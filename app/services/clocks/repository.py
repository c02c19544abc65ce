"""Reading clocks: who must do what by when, always within the actor's regions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Date, and_, case, cast, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_date, shanghai_today, utc_now
from app.core.errors import NotFoundProblem
from app.core.paging import Page, PageRequest
from app.core.working_calendar import Horizon
from app.db.rows import insert_rows
from app.models.clocks import Clock, ClockReminder
from app.models.history import Change
from app.models.organizations import Brigade
from app.schemas.clocks import ClockCounts, ClockView
from app.services.clocks.awaiting import Awaited, is_awaiting
from app.services.clocks.content import time_limit
from app.services.clocks.notices import working_calendar
from app.services.identity.places import lies_in

REMIND_WORKING_DAYS = 3
REMIND_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class ClockFilter:
    """What a list is narrowed to; None means all. A region includes what lies below it, a brigade its squads.

    `unknown` True lists the running clocks whose end is not known, and only those; otherwise they are left out.
    """

    region_id: UUID | None = None
    authority_id: UUID | None = None
    brigade_id: UUID | None = None
    responsible_id: UUID | None = None
    subject_kind: str | None = None
    subject_id: UUID | None = None
    code: str | None = None
    overdue: bool | None = None
    due_within: int | None = None
    unknown: bool = False
    ended: bool = False


async def get_clock(session: AsyncSession, actor: Actor, clock_id: UUID) -> Clock:
    """One clock of the actor's regions; raises NotFoundProblem."""
    wanted = select(Clock).where(Clock.id == clock_id, Clock.region_id.in_(actor.regions_for("clocks:read")))
    clock = (await session.execute(wanted)).scalar_one_or_none()
    if clock is None:
        raise NotFoundProblem
    return clock


async def list_clocks(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: ClockFilter
) -> tuple[Page[Clock], Horizon | None]:
    """Running clocks (ended ones when asked), the first due first, and until when `due_within` reaches, if it was asked for."""
    horizon = await _horizon(session, narrowed.due_within) if narrowed.due_within else None
    return await _page_of(session, request, narrowed, _conditions(actor, narrowed, horizon)), horizon


async def _page_of(
    session: AsyncSession, request: PageRequest, narrowed: ClockFilter, conditions: list[ColumnElement[bool]]
) -> Page[Clock]:
    wanted = select(Clock).limit(request.limit + 1)
    if narrowed.unknown:
        conditions.append(Clock.due_on.is_(None))
        if request.after:
            conditions.append(Clock.id > request.after[0])
        found = await session.scalars(wanted.where(*conditions).order_by(Clock.id))
        return Page.cut(found.all(), request, lambda row: (row.id,))
    conditions.append(Clock.due_on.is_not(None))
    if request.after:
        conditions.append(tuple_(Clock.due_on, Clock.id) > request.after)
    found = await session.scalars(wanted.where(*conditions).order_by(Clock.due_on, Clock.id))
    return Page.cut(found.all(), request, lambda row: (row.due_on, row.id))


async def count_clocks(session: AsyncSession, actor: Actor, narrowed: ClockFilter) -> ClockCounts:
    """How many run, are overdue, due today, due within three working days, not known."""
    today = shanghai_today()
    soon = await _horizon(session, REMIND_WORKING_DAYS)
    horizon = await _horizon(session, narrowed.due_within) if narrowed.due_within else None
    counted = select(
        func.count(),
        func.count().filter(is_past(today)),
        func.count().filter(Clock.due_on == today),
        func.count().filter(Clock.due_on.between(today, soon.until)),
        func.count().filter(Clock.due_on.is_(None)),
    ).where(*_conditions(actor, narrowed, horizon))
    running, overdue, due_today, due_soon, unknown = (await session.execute(counted)).one()
    return ClockCounts(
        running=running,
        overdue=overdue,
        due_today=due_today,
        due_in_three_working_days=due_soon,
        soon_until=soon.until,
        is_cut=soon.is_cut,
        unknown=unknown,
    )


async def list_reminders(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: ClockFilter
) -> Page[tuple[ClockReminder, Clock]]:
    """Reminders about running clocks, the newest first."""
    wanted = (
        select(ClockReminder, Clock)
        .join(Clock, Clock.id == ClockReminder.clock_id)
        .where(ClockReminder.due_on == Clock.due_on, *_conditions(actor, narrowed, None))
        .order_by(ClockReminder.created_at.desc(), Clock.id.desc())
        .limit(request.limit + 1)
    )
    if request.after:
        wanted = wanted.where(tuple_(ClockReminder.created_at, Clock.id) < request.after)
    rows = [(row[0], row[1]) for row in await session.execute(wanted)]
    return Page.cut(rows, request, lambda row: (row[0].created_at, row[1].id))


async def raise_reminders(session: AsyncSession) -> int:
    """Remind of every running clock that is certainly due within three working days, today, or past: once for each end it had."""
    today = shanghai_today()
    horizon = await _horizon(session, REMIND_WORKING_DAYS)
    kind = case((is_past(today), "overdue"), (Clock.due_on == today, "due"), else_="before")
    due = (
        select(Clock.id, kind, Clock.due_on, cast(literal(utc_now()), ClockReminder.created_at.type))
        .where(Clock.ended_on.is_(None), Clock.meaning == "deadline", Clock.due_on <= horizon.until)
        .where(
            ~select(ClockReminder.clock_id)
            .where(
                ClockReminder.clock_id == Clock.id,
                ClockReminder.kind == kind,
                ClockReminder.due_on == Clock.due_on,
            )
            .exists()
        )
        .limit(REMIND_BATCH)
    )
    new = (
        insert(ClockReminder)
        .from_select(["clock_id", "kind", "due_on", "created_at"], due)
        .on_conflict_do_nothing()
        .returning(ClockReminder.clock_id)
    )
    reminded = list((await session.execute(new)).scalars())
    told = select(Clock.id, Clock.version, Clock.region_id).where(Clock.id.in_(reminded))
    changes = [
        {"kind": "clock", "object_id": row.id, "version": row.version, "region_id": row.region_id}
        for row in await session.execute(told)
    ]
    if changes:
        await insert_rows(session, (Change, changes))
    return len(reminded)


def is_past(today: date) -> ColumnElement[bool]:
    """A running deadline has passed: its day is over, or for hours its moment. The same as `show_clock`."""
    moment = and_(Clock.due_at.is_not(None), Clock.due_at < utc_now())
    day = and_(Clock.due_at.is_(None), Clock.due_on < cast(literal(today), Date))
    return and_(Clock.ended_on.is_(None), Clock.meaning == "deadline", or_(moment, day))


def show_clock(clock: Clock, today: date, awaited: Sequence[Awaited]) -> ClockView:
    """A clock on a day: overdue from the day after its end (for hours: once its moment has passed), not known without one.

    `awaited`: the notices that clocks are still to be projected by (list_awaited).
    """
    limit = time_limit(clock.code, shanghai_date(clock.started_at))
    return ClockView.model_validate(
        {
            **{name: getattr(clock, name) for name in ClockView.model_fields if hasattr(clock, name)},
            "title_zh": limit.title.zh,
            "title_en": limit.title.en,
            "amount": None if clock.amount is None else clock.amount + clock.extended_by,
            "is_overdue": _is_overdue(clock, today),
            "is_reached": _is_reached(clock, today),
            "awaits_calendar": is_awaiting(clock, awaited),
        }
    )


def _is_reached(clock: Clock, today: date) -> bool | None:
    """Whether what must not happen before the end of a running clock may happen: from its moment, or the day after its last."""
    if clock.meaning != "earliest" or clock.due_on is None or clock.ended_on is not None:
        return None
    return utc_now() >= clock.due_at if clock.due_at is not None else today > clock.due_on


def _is_overdue(clock: Clock, today: date) -> bool | None:
    if clock.due_on is None:
        return None
    if clock.meaning != "deadline":
        return False
    if clock.due_at is not None and clock.ended_on is None:
        return utc_now() > clock.due_at
    return (clock.ended_on or today) > clock.due_on


async def _horizon(session: AsyncSession, working_days: int) -> Horizon:
    return (await working_calendar(session)).horizon(shanghai_today(), working_days)


def _conditions(actor: Actor, narrowed: ClockFilter, horizon: Horizon | None) -> list[ColumnElement[bool]]:
    today = shanghai_today()
    running = Clock.ended_on.is_not(None) if narrowed.ended else Clock.ended_on.is_(None)
    conditions: list[ColumnElement[bool]] = [Clock.region_id.in_(actor.regions_for("clocks:read")), running]
    if narrowed.region_id is not None:
        conditions.append(lies_in(Clock.region_id, narrowed.region_id))
    if narrowed.brigade_id is not None:
        unit = select(Brigade.id).where(
            or_(Brigade.id == narrowed.brigade_id, Brigade.parent_id == narrowed.brigade_id)
        )
        conditions.append(Clock.brigade_id.in_(unit))
    for name in ("authority_id", "responsible_id", "subject_kind", "subject_id", "code"):
        value = getattr(narrowed, name)
        if value is not None:
            conditions.append(getattr(Clock, name) == value)
    if narrowed.overdue is not None:
        conditions.append(is_past(today) if narrowed.overdue else ~is_past(today))
    if horizon is not None:
        conditions.append(Clock.due_on.between(today, horizon.until))
    return conditions
