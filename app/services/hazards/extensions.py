"""Extensions of rectification orders and of placards: one person proposes, another grants or refuses. The deadline is moved by
its clock only."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today, utc_now
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.core.paging import Page, PageRequest
from app.db.versions import compare_and_set
from app.models.clocks import Clock
from app.models.hazards import Hazard, OrderExtension
from app.models.orders import OrderLine
from app.models.placards import Placard
from app.services.audit.service import record_act
from app.services.clocks.service import end_if_extended, extend_clock, find_running
from app.services.hazards.content import extension_latest_days
from app.services.hazards.errors import (
    ExtensionClockProblem,
    ExtensionLateProblem,
    ExtensionPastProblem,
    ExtensionPendingProblem,
    ExtensionPersonProblem,
    ExtensionStateProblem,
)
from app.services.hazards.extension_workflow import TRANSITIONS
from app.services.hazards.placards import check_decider, get_placard
from app.services.hazards.service import get_hazard, hold_hazards
from app.services.identity.places import lies_in


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension with whether it has lapsed: still proposed while its period has ended."""

    row: OrderExtension
    is_lapsed: bool


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose period it is: of an order of the hazard, or of a placard of it."""

    hazard_id: UUID
    region_id: UUID
    order_id: UUID | None = None
    placard_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ExtensionFilter:
    """What a list is narrowed to; None means all. A region includes what lies below it. Lapsed ones are not `proposed`.

    Those of a hazard are its orders', as the hazard shows them; a placard's are found by the placard.
    """

    region_id: UUID | None = None
    hazard_id: UUID | None = None
    placard_id: UUID | None = None
    status: str | None = None


async def propose_extension(
    session: AsyncSession, actor: Actor, hazard_id: UUID, amount: int, reason: str
) -> Extension:
    """Propose that the running period of a hazard's order be longer by so much of the order's own unit.

    Raises ExtensionClockProblem, ExtensionLateProblem, ExtensionPendingProblem, ClockExtensionProblem.
    """
    hazard = await get_hazard(session, actor, hazard_id)
    newest = select(OrderLine.order_id).where(OrderLine.hazard_id == hazard_id)
    order_id = await session.scalar(newest.order_by(OrderLine.order_id.desc()).limit(1))
    clock = await find_running(session, hazard_id, "rectification")
    whose = Whose(hazard_id, hazard.region_id, order_id=order_id)
    return await _propose(session, actor, whose, clock, amount, reason)


async def propose_placard_extension(
    session: AsyncSession, actor: Actor, placard_id: UUID, amount: int, reason: str
) -> Extension:
    """Propose that the period of a placard in force be longer by so many days; raises the same."""
    placard = await get_placard(session, actor, placard_id)
    clock = await find_running(session, placard_id, "placard")
    whose = Whose(placard.hazard_id, placard.region_id, placard_id=placard_id)
    return await _propose(session, actor, whose, clock, amount, reason)


async def _propose(
    session: AsyncSession, actor: Actor, whose: Whose, clock: Clock | None, amount: int, reason: str
) -> Extension:
    actor.require("hazards:propose_extension", whose.region_id)
    if clock is None:
        raise ExtensionClockProblem
    if clock.due_on and shanghai_today() > clock.due_on + timedelta(days=extension_latest_days()):
        raise ExtensionLateProblem(due_on=clock.due_on.isoformat())
    values = {
        **asdict(whose),
        "id": new_id(),
        "version": 1,
        "clock_id": clock.id,
        "amount": amount,
        "unit": clock.unit,
        "reason": reason,
        "proposed_by": actor.user_id,
        "due_before": clock.due_on,
        "due_proposed": await end_if_extended(session, clock, amount),
        "status": "proposed",
    }
    new = insert(OrderExtension).values(values).on_conflict_do_nothing().returning(OrderExtension)
    row = (await session.execute(new)).scalar_one_or_none()
    if row is None:
        raise ExtensionPendingProblem
    await _record(session, actor, row, "propose", None)
    return Extension(row, is_lapsed=False)


async def settle_extension(
    session: AsyncSession, actor: Actor, extension_id: UUID, expected: int, action: str, reason: str
) -> Extension:
    """Grant, refuse or withdraw a proposal; granted, the clock moves the deadline in the same transaction.

    That of a placard is granted or refused by one who might decide about it, too. Raises ExtensionStateProblem,
    ExtensionPersonProblem, PlacardDeciderProblem, ExtensionClockProblem where the period has ended, and ExtensionPastProblem where
    the longer one would have, too.
    """
    row = (await get_extension(session, actor, extension_id)).row
    transition = TRANSITIONS[action]
    actor.require(transition.permission, row.region_id)
    before = row.status
    if before not in transition.sources:
        raise ExtensionStateProblem(state=before)
    if transition.by_another and actor.user_id == row.proposed_by:
        raise ExtensionPersonProblem
    if transition.by_another and row.placard_id is not None:
        await check_decider(session, actor, await _held_placard(session, row.placard_id))
    settled = {"settled_by": actor.user_id, "settled_at": utc_now(), "settled_reason": reason}
    await compare_and_set(session, row, expected, status=transition.target, **settled)
    if action == "grant":
        await _extend(session, actor, row, reason)
    await _record(session, actor, row, action, before)
    return Extension(row, is_lapsed=False)


async def get_extension(session: AsyncSession, actor: Actor, extension_id: UUID) -> Extension:
    """One extension of the actor's regions; raises NotFoundProblem."""
    found = await session.execute(_readable(actor).where(OrderExtension.id == extension_id))
    row = found.one_or_none()
    if row is None:
        raise NotFoundProblem
    return Extension(row[0], row[1])


async def list_extensions(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: ExtensionFilter
) -> Page[Extension]:
    """Newest first, one statement."""
    conditions: list[ColumnElement[bool]] = []
    if narrowed.region_id is not None:
        conditions.append(lies_in(OrderExtension.region_id, narrowed.region_id))
    if narrowed.hazard_id is not None:
        conditions.append(OrderExtension.hazard_id == narrowed.hazard_id)
    if narrowed.placard_id is not None:
        conditions.append(OrderExtension.placard_id == narrowed.placard_id)
    elif narrowed.hazard_id is not None:
        conditions.append(OrderExtension.order_id.is_not(None))
    if narrowed.status is not None:
        conditions.append(OrderExtension.status == narrowed.status)
    if narrowed.status == "proposed":
        conditions.append(~_lapsed())
    if request.after:
        conditions.append(OrderExtension.id < request.after[0])
    wanted = _readable(actor).where(*conditions).order_by(OrderExtension.id.desc()).limit(request.limit + 1)
    found = [Extension(row[0], row[1]) for row in await session.execute(wanted)]
    return Page.cut(found, request, key=lambda one: (one.row.id,))


async def list_extensions_of(session: AsyncSession, whose: Hazard | Placard) -> list[Extension]:
    """The extensions of a hazard's orders, or of a placard, oldest first; the caller has settled who sees it."""
    of_orders = (OrderExtension.hazard_id == whose.id) & OrderExtension.order_id.is_not(None)
    ours = of_orders if isinstance(whose, Hazard) else OrderExtension.placard_id == whose.id
    wanted = _all().where(ours).order_by(OrderExtension.id)
    return [Extension(row[0], row[1]) for row in await session.execute(wanted)]


async def _held_placard(session: AsyncSession, placard_id: UUID) -> Placard:
    """Locked before its clock is, as whoever takes it down does."""
    wanted = select(Placard).where(Placard.id == placard_id).with_for_update()
    return (await session.execute(wanted, execution_options={"populate_existing": True})).scalar_one()


async def _extend(session: AsyncSession, actor: Actor, row: OrderExtension, reason: str) -> None:
    """The end moves by the ledger of the clock that the proposal was for, and by nothing else."""
    subject_id, code = (row.placard_id, "placard") if row.placard_id else (row.hazard_id, "rectification")
    if row.placard_id is None:  # a placard is held already
        await hold_hazards(session, [row.hazard_id])
    clock = await find_running(session, subject_id, code, for_update=True)
    if clock is None or clock.id != row.clock_id:
        raise ExtensionClockProblem
    await extend_clock(session, actor, clock, clock.version, row.amount, reason)
    if clock.due_on and clock.due_on < shanghai_today():
        raise ExtensionPastProblem(due_on=clock.due_on.isoformat())
    row.due_after = clock.due_on
    await session.flush()


def _lapsed() -> ColumnElement[bool]:
    return (OrderExtension.status == "proposed") & Clock.ended_on.is_not(None)


def _all() -> Select[OrderExtension, bool]:
    return select(OrderExtension, _lapsed()).join(Clock, Clock.id == OrderExtension.clock_id)


def _readable(actor: Actor) -> Select[OrderExtension, bool]:
    return _all().where(OrderExtension.region_id.in_(actor.regions_for("hazards:read")))


async def _record(
    session: AsyncSession, actor: Actor, row: OrderExtension, action: str, before: str | None
) -> None:
    await record_act(
        session,
        actor,
        action=f"hazards:{action}_extension",
        kind="order_extension",
        object_id=row.id,
        version=row.version,
        region_id=row.region_id,
        before={"status": before} if before else None,
        after={"status": row.status, "due_proposed": row.due_proposed, "due_after": row.due_after},
        detail={
            "hazard_id": str(row.hazard_id),
            "placard_id": str(row.placard_id) if row.placard_id else None,
            "amount": row.amount,
            "unit": row.unit,
        },
    )
