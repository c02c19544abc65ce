"""What was issued to the enterprise at its site: rectification orders and on-site measures."""

from uuid import UUID

from fastapi import APIRouter, Depends

from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, allowed
from app.schemas.enterprise.orders import IssuedMeasure, IssuedOrder
from app.services.hazards.issued import (
    get_issued_measure,
    get_issued_order,
    list_issued_measures,
    list_issued_orders,
)

orders = APIRouter(prefix="/orders", tags=["orders"])
measures = APIRouter(prefix="/onsite-measures", tags=["orders"])
READ = [Depends(allowed("site_orders:read"))]


@orders.get("", dependencies=READ)
async def get_orders(actor: CurrentActor, session: ReadSession, paging: PagingOf) -> PageOf[IssuedOrder]:
    """Rectification orders with their lines, newest first."""
    return paging.page(await list_issued_orders(session, actor, paging.request), lambda view: view)


@orders.get("/{order_id}", dependencies=READ)
async def get_order(order_id: UUID, actor: CurrentActor, session: ReadSession) -> IssuedOrder:
    """One rectification order with its lines."""
    return await get_issued_order(session, actor, order_id)


@measures.get("", dependencies=READ)
async def get_measures(actor: CurrentActor, session: ReadSession, paging: PagingOf) -> PageOf[IssuedMeasure]:
    """On-site measures, newest first."""
    return paging.page(await list_issued_measures(session, actor, paging.request), lambda view: view)


@measures.get("/{measure_id}", dependencies=READ)
async def get_measure(measure_id: UUID, actor: CurrentActor, session: ReadSession) -> IssuedMeasure:
    """One on-site measure."""
    return await get_issued_measure(session, actor, measure_id)
