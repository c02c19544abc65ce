"""Statutory clocks at the console: who must do what by when, what stopped or lengthened it, and what authorities set."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.models.clocks import Clock
from app.schemas.clocks import (
    ClockCounts,
    ClockDetail,
    ClockView,
    ExtendRequest,
    HandOverRequest,
    LedgerRow,
    LimitRequest,
    LimitView,
    ReminderView,
    ResumeRequest,
    RollOverRequest,
    RollOverView,
    SuspendRequest,
    TimeLimitView,
    YearSource,
)
from app.services.clocks.awaiting import list_awaited
from app.services.clocks.content import time_limits_on
from app.services.clocks.ledger import list_ledger
from app.services.clocks.limits import (
    list_limits,
    list_roll_over_rules,
    set_limit,
    set_roll_over,
)
from app.services.clocks.repository import (
    ClockFilter,
    count_clocks,
    get_clock,
    list_clocks,
    list_reminders,
    show_clock,
)
from app.services.clocks.reprojection import years_counted
from app.services.clocks.responsibility import hand_over
from app.services.clocks.service import extend_alone, resume_clock, suspend_clock

router = APIRouter(prefix="/clocks", tags=["clocks"], route_class=IdempotentRoute)
READ = [Depends(allowed("clocks:read"))]
READ_LIMITS = [Depends(allowed("clocks:read", "clocks:configure"))]
CONFIGURE = [Depends(allowed("clocks:configure"))]
SUSPEND = [Depends(allowed("clocks:suspend"))]
EXTEND = [Depends(allowed("clocks:extend"))]
HAND_OVER = [Depends(allowed("clocks:hand_over"))]


def _filter(
    region_id: UUID | None = None,
    authority_id: UUID | None = None,
    brigade_id: UUID | None = None,
    responsible_id: UUID | None = None,
    subject_kind: Annotated[str | None, Query(max_length=30)] = None,
    subject_id: UUID | None = None,
    code: Annotated[str | None, Query(max_length=40)] = None,
    overdue: bool | None = None,
    due_within: Annotated[int | None, Query(ge=1, le=60, description="Working days from today")] = None,
    unknown: bool = False,
    ended: bool = False,
) -> ClockFilter:
    return ClockFilter(
        region_id, authority_id, brigade_id, responsible_id, subject_kind, subject_id, code, overdue, due_within,
        unknown, ended,
    )  # fmt: skip


Narrowed = Annotated[ClockFilter, Depends(_filter)]


class ClockPage(PageOf[ClockView]):
    """A page of clocks. `due_until`: the last day that is certainly within the working days asked for (null: none were);
    `is_cut`: the imported calendar ends before, so that clocks due later may be within them too.
    """

    due_until: date | None
    is_cut: bool


@router.get("", dependencies=READ)
async def get_clocks(
    actor: CurrentActor, session: ReadSession, paging: PagingOf, narrowed: Narrowed
) -> ClockPage:
    """Running clocks of the caller's regions, the first due first; `due_within` counts working days; `unknown` lists those
    whose end is not known, and only those. A region includes what lies below it, a brigade its squads."""
    today = shanghai_today()
    page, horizon = await list_clocks(session, actor, paging.request, narrowed)
    awaited = await list_awaited(session)
    shown = paging.page(page, lambda clock: show_clock(clock, today, awaited))
    return ClockPage(
        items=shown.items,
        next_cursor=shown.next_cursor,
        due_until=horizon.until if horizon else None,
        is_cut=horizon.is_cut if horizon else False,
    )


@router.get("/counts", dependencies=READ)
async def get_clock_counts(actor: CurrentActor, session: ReadSession, narrowed: Narrowed) -> ClockCounts:
    """How many run, are overdue, due today, soon, or not known, under the same filters as the list."""
    return await count_clocks(session, actor, narrowed)


@router.get("/reminders", dependencies=READ)
async def get_reminders(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    responsible_id: UUID | None = None,
    brigade_id: UUID | None = None,
    region_id: UUID | None = None,
) -> PageOf[ReminderView]:
    """What was reminded of and still runs, the newest first: of one person, a brigade with its squads, a region with all below."""
    today = shanghai_today()
    narrowed = ClockFilter(region_id, brigade_id=brigade_id, responsible_id=responsible_id)
    page = await list_reminders(session, actor, paging.request, narrowed)
    awaited = await list_awaited(session)
    return paging.page(
        page,
        lambda row: ReminderView(
            kind=row[0].kind, raised_at=row[0].created_at, clock=show_clock(row[1], today, awaited)
        ),
    )


@router.get("/time-limits", dependencies=READ_LIMITS)
async def get_time_limits(on: date | None = None) -> list[TimeLimitView]:
    """The time limits of the law in force on a date (today unless told), with their basis and what is to be confirmed."""
    return [
        TimeLimitView.model_validate(
            {
                **{name: getattr(one, name) for name in TimeLimitView.model_fields if hasattr(one, name)},
                "suspended_by": [
                    {
                        "ground": ground.ground,
                        "basis_zh": ground.basis.zh,
                        "basis_en": ground.basis.en,
                        "to_be_confirmed": ground.to_be_confirmed,
                    }
                    for ground in one.suspended_by
                ],
                **{
                    f"{part}_{language}": getattr(getattr(one, part), language)
                    for part in ("title", "starts", "basis")
                    for language in ("zh", "en")
                },
            }
        )
        for one in time_limits_on(on or shanghai_today())
    ]


@router.get("/limits", dependencies=READ_LIMITS)
async def get_limits(actor: CurrentActor, session: ReadSession) -> list[LimitView]:
    """The numbers that authorities have set themselves."""
    return [LimitView.model_validate(row) for row in await list_limits(session, actor)]


@router.post("/limits", status_code=201, dependencies=CONFIGURE)
async def post_limit(
    body: LimitRequest, actor: CurrentActor, session: WriteSession, _: Idempotency
) -> LimitView:
    """Set a number for a limit the law leaves open, with its source; from its date on, for clocks that start later."""
    return LimitView.model_validate(await set_limit(session, actor, body))


@router.get("/roll-over-rules", dependencies=READ_LIMITS)
async def get_roll_over_rules(actor: CurrentActor, session: ReadSession) -> list[RollOverView]:
    """Whose last day that is a day of rest moves on, as authorities have decided; without a decision the party's does."""
    return [RollOverView.model_validate(row) for row in await list_roll_over_rules(session, actor)]


@router.post("/roll-over-rules", status_code=201, dependencies=CONFIGURE)
async def post_roll_over_rule(
    body: RollOverRequest, actor: CurrentActor, session: WriteSession, _: Idempotency
) -> RollOverView:
    """Decide it for an authority, with its source; from its date on, for clocks that start later."""
    rule = await set_roll_over(
        session, actor, body.authority_id, body.applies_to, body.basis, body.in_force_from
    )
    return RollOverView.model_validate(rule)


@router.get("/{clock_id}", dependencies=READ)
async def get_one_clock(
    clock_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> ClockDetail:
    """One clock with its ledger: everything that moved its end, and the notices of the calendar that it rests on."""
    clock = await get_clock(session, actor, clock_id)
    set_etag(response, clock.version)
    ledger = await list_ledger(session, clock_id)
    years = await years_counted(session, clock, ledger)
    return ClockDetail(
        **show_clock(clock, shanghai_today(), await list_awaited(session)).model_dump(),
        ledger=[LedgerRow.model_validate(row) for row in ledger],
        calendar=[YearSource.model_validate(one) for one in years],
    )


@router.post("/{clock_id}/suspension", dependencies=SUSPEND)
async def post_suspension(
    clock_id: UUID,
    body: SuspendRequest,
    response: Response,
    actor: CurrentActor,
    session: WriteSession,
    expected: ExpectedVersion,
) -> ClockView:
    """Let a clock stand still since a day, on a ground the law names."""
    clock = await _as_read(session, actor, clock_id, expected)
    await suspend_clock(session, actor, clock, expected, body.on_date, body.ground, body.reason)
    return await _answer(session, response, clock)


@router.post("/{clock_id}/resumption", dependencies=SUSPEND)
async def post_resumption(
    clock_id: UUID,
    body: ResumeRequest,
    response: Response,
    actor: CurrentActor,
    session: WriteSession,
    expected: ExpectedVersion,
) -> ClockView:
    """Let it run on from a day."""
    clock = await _as_read(session, actor, clock_id, expected)
    await resume_clock(session, actor, clock, expected, body.on_date, body.reason)
    return await _answer(session, response, clock)


@router.post("/{clock_id}/extension", dependencies=EXTEND)
async def post_extension(
    clock_id: UUID,
    body: ExtendRequest,
    response: Response,
    actor: CurrentActor,
    session: WriteSession,
    expected: ExpectedVersion,
) -> ClockView:
    """Add what the person in charge approves, within what the law allows; an order's period is extended at its hazard instead."""
    clock = await _as_read(session, actor, clock_id, expected)
    await extend_alone(session, actor, clock, expected, body.amount, body.reason)
    return await _answer(session, response, clock)


@router.post("/{clock_id}/hand-over", dependencies=HAND_OVER)
async def post_hand_over(
    clock_id: UUID,
    body: HandOverRequest,
    response: Response,
    actor: CurrentActor,
    session: WriteSession,
    expected: ExpectedVersion,
) -> ClockView:
    """Let another officer answer for a clock, with his brigade; when it ends stays as it is. Those of a case go with its team
    (`POST /cases/{id}/team`), that of a placard with its supervisor (`POST /placards/{id}/supervisor`)."""
    clock = await _as_read(session, actor, clock_id, expected)
    await hand_over(session, actor, clock, expected, body.responsible_id, body.reason)
    return await _answer(session, response, clock)


async def _as_read(session: AsyncSession, actor: Actor, clock_id: UUID, expected: int) -> Clock:
    clock = await get_clock(session, actor, clock_id)
    check_version(clock.version, expected)
    return clock


async def _answer(session: AsyncSession, response: Response, clock: Clock) -> ClockView:
    set_etag(response, clock.version)
    return show_clock(clock, shanghai_today(), await list_awaited(session))
