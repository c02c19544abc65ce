"""Rectification orders at the console."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.working_calendar import DayKind
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.models.orders import RectificationOrder
from app.schemas.officers import OfficerView
from app.schemas.orders import (
    OrderedHazardView,
    OrderLineView,
    RectificationOrderDetail,
    RectificationOrderRequest,
    RectificationOrderView,
)
from app.services.hazards.order_reading import (
    OrderedHazard,
    OrderFilter,
    get_order,
    list_lines,
    list_order_officers,
    list_orders,
)
from app.services.hazards.ordering import Line, issue_order

router = APIRouter(prefix="/rectification-orders", tags=["hazards"], route_class=IdempotentRoute)
READ = [Depends(allowed("hazards:read"))]
ORDER = [Depends(allowed("hazards:order"))]


def _filter(
    region_id: UUID | None = None,
    enterprise_id: UUID | None = None,
    site_id: UUID | None = None,
    hazard_id: UUID | None = None,
    issued_from: date | None = None,
    issued_until: date | None = None,
) -> OrderFilter:
    return OrderFilter(region_id, enterprise_id, site_id, hazard_id, issued_from, issued_until)


Narrowed = Annotated[OrderFilter, Depends(_filter)]


def _line(ordered: OrderedHazard) -> OrderLineView:
    line = ordered.line
    plain: dict[str, Any] = {
        name: getattr(line, name) for name in ("position", "days", "day_kind", "due_on", "requirement")
    }
    hazard = OrderedHazardView.model_validate(ordered.hazard)
    return OrderLineView(**plain, is_replaced=ordered.is_replaced, hazard=hazard)


async def _detail(session: AsyncSession, order: RectificationOrder) -> RectificationOrderDetail:
    return RectificationOrderDetail(
        **RectificationOrderView.model_validate(order).model_dump(),
        officers=[OfficerView.model_validate(row) for row in await list_order_officers(session, order.id)],
        lines=[_line(one) for one in await list_lines(session, order.id)],
    )


@router.get("", dependencies=READ)
async def get_orders(
    actor: CurrentActor, session: ReadSession, paging: PagingOf, narrowed: Narrowed
) -> PageOf[RectificationOrderView]:
    """Rectification orders of the caller's regions, newest first."""
    return paging.page(
        await list_orders(session, actor, paging.request, narrowed), RectificationOrderView.model_validate
    )


@router.post("", status_code=201, dependencies=ORDER)
async def post_order(
    body: RectificationOrderRequest, actor: CurrentActor, session: WriteSession, _: Idempotency
) -> RectificationOrderDetail:
    """Order the rectification of hazards of one site by one document: all of them, or none and which lines were refused."""
    lines = [
        Line(one.hazard_id, one.version, one.days, DayKind(one.day_kind), one.requirement)
        for one in body.lines
    ]
    return await _detail(session, await issue_order(session, actor, body.officer_ids, lines))


@router.get("/{order_id}", dependencies=READ)
async def get_one_order(
    order_id: UUID, actor: CurrentActor, session: ReadSession
) -> RectificationOrderDetail:
    """One order with its officers, and each line beside its hazard as it stands."""
    return await _detail(session, await get_order(session, actor, order_id))
