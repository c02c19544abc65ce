"""Reading rectification orders: lists, one order with its lines and officers, and when a hazard was ordered and reported."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.paging import Page, PageRequest
from app.models.hazards import Hazard, HazardStep
from app.models.orders import OrderLine, OrderOfficer, RectificationOrder
from app.services.identity.places import lies_in


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """What a list is narrowed to; None means all. A region includes what lies below it; both days are included."""

    region_id: UUID | None = None
    enterprise_id: UUID | None = None
    site_id: UUID | None = None
    hazard_id: UUID | None = None
    issued_from: date | None = None
    issued_until: date | None = None


@dataclass(frozen=True, slots=True)
class OrderedHazard:
    """A line with its hazard as it stands; `is_replaced`: a later order of the same hazard counts instead."""

    line: OrderLine
    hazard: Hazard
    is_replaced: bool


@dataclass(frozen=True, slots=True)
class OrderOfHazard:
    """An order with the line that it has for one hazard."""

    hazard_id: UUID
    id: UUID
    number: str
    issued_on: date
    issued_by: UUID
    days: int
    day_kind: str
    due_on: date | None
    requirement: str


async def get_order(session: AsyncSession, actor: Actor, order_id: UUID) -> RectificationOrder:
    """One order of the actor's regions; raises NotFoundProblem."""
    order = RectificationOrder
    wanted = select(order).where(order.id == order_id, order.region_id.in_(actor.regions_for("hazards:read")))
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise NotFoundProblem
    return found


async def list_orders(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: OrderFilter
) -> Page[RectificationOrder]:
    """Newest first, one statement."""
    order = RectificationOrder
    conditions: list[ColumnElement[bool]] = [order.region_id.in_(actor.regions_for("hazards:read"))]
    if narrowed.region_id is not None:
        conditions.append(lies_in(order.region_id, narrowed.region_id))
    for name in ("enterprise_id", "site_id"):
        value = getattr(narrowed, name)
        if value is not None:
            conditions.append(getattr(order, name) == value)
    if narrowed.hazard_id is not None:
        naming = select(OrderLine.order_id).where(OrderLine.hazard_id == narrowed.hazard_id)
        conditions.append(order.id.in_(naming))
    if narrowed.issued_from is not None:
        conditions.append(order.issued_on >= narrowed.issued_from)
    if narrowed.issued_until is not None:
        conditions.append(order.issued_on <= narrowed.issued_until)
    if request.after:
        conditions.append(order.id < request.after[0])
    wanted = select(order).where(*conditions).order_by(order.id.desc()).limit(request.limit + 1)
    return Page.cut(list((await session.execute(wanted)).scalars()), request, key=lambda row: (row.id,))


async def list_lines(session: AsyncSession, order_id: UUID) -> list[OrderedHazard]:
    """An order's lines in its own order; the caller has settled who sees it."""
    wanted = (
        select(OrderLine, Hazard, is_replaced())
        .join(Hazard, Hazard.id == OrderLine.hazard_id)
        .where(OrderLine.order_id == order_id)
        .order_by(OrderLine.position)
    )
    return [OrderedHazard(*row) for row in await session.execute(wanted)]


def is_replaced() -> ColumnElement[bool]:
    """Of OrderLine: that a later order names the same hazard."""
    later = aliased(OrderLine)
    return exists().where(later.hazard_id == OrderLine.hazard_id, later.order_id > OrderLine.order_id)


async def list_order_officers(session: AsyncSession, order_id: UUID) -> Sequence[OrderOfficer]:
    """Who signed it."""
    wanted = select(OrderOfficer).where(OrderOfficer.order_id == order_id).order_by(OrderOfficer.user_id)
    return (await session.execute(wanted)).scalars().all()


async def list_orders_of(session: AsyncSession, hazard_ids: Collection[UUID]) -> list[OrderOfHazard]:
    """What these hazards were ordered, oldest first: the last of each is in force."""
    wanted = (
        select(RectificationOrder, OrderLine)
        .join(OrderLine, OrderLine.order_id == RectificationOrder.id)
        .where(OrderLine.hazard_id.in_(hazard_ids))
        .order_by(RectificationOrder.id)
    )
    return [
        OrderOfHazard(
            line.hazard_id, order.id, order.number, order.issued_on, order.issued_by, line.days, line.day_kind, line.due_on,
            line.requirement,
        )
        for order, line in await session.execute(wanted)
    ]  # fmt: skip


async def last_ordered_on(session: AsyncSession, hazard_ids: Collection[UUID]) -> dict[UUID, date]:
    """The day of each hazard's order in force: what officers saw before it does not answer it."""
    order = RectificationOrder
    wanted = (
        select(OrderLine.hazard_id, func.max(order.issued_on).label("last_on"))
        .join(order, order.id == OrderLine.order_id)
        .where(OrderLine.hazard_id.in_(hazard_ids))
        .group_by(OrderLine.hazard_id)
    )
    return {row.hazard_id: row.last_on for row in await session.execute(wanted)}


async def reported_after(session: AsyncSession, hazards: Iterable[Hazard], on: date) -> set[UUID]:
    """Those that wait for a re-inspection because they were reported rectified on a later day than `on`: that officers found them
    undone on that day does not answer the report. No statement where none waits."""
    waiting = [hazard.id for hazard in hazards if hazard.status == "rectified"]
    if not waiting:
        return set()
    reported = select(HazardStep.hazard_id).where(
        HazardStep.hazard_id.in_(waiting), HazardStep.action == "report_rectified", HazardStep.on_date > on
    )
    return set((await session.execute(reported)).scalars())
