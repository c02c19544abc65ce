"""Hazards as partners read them, from the order on: not what is only suspected, where it came from, nor the words of others."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.paging import Page, PageRequest
from app.models.enterprises import Enterprise, Site
from app.models.hazards import Hazard
from app.models.organizations import Region
from app.schemas.partner.records import PartnerHazard, PartnerOrder, PartnerParty, PartnerSite
from app.services.hazards.order_reading import OrderOfHazard, list_orders_of
from app.services.hazards.wording import passed_on
from app.services.hazards.workflow import is_overdue

_PLAIN = (
    "id",
    "number",
    "level",
    "clause",
    "major_since",
    "status",
    "due_on",
    "found_on",
    "updated_at",
)


async def list_published_hazards(
    session: AsyncSession,
    actor: Actor,
    request: PageRequest,
    *,
    enterprise_id: UUID | None,
    level: str | None,
    status: str | None,
) -> Page[PartnerHazard]:
    """Ordered hazards of the client's regions, the earliest first; two statements whatever the number of rows."""
    conditions: list[ColumnElement[bool]] = [
        Hazard.region_id.in_(actor.regions_for("hazards:read")),
        Hazard.status != "found",
        Hazard.merged_into_id.is_(None),
        Hazard.source != "tip",  # its words could lead to who gave it
    ]
    wanted_values = {"enterprise_id": enterprise_id, "level": level, "status": status}
    conditions += [
        getattr(Hazard, name) == value for name, value in wanted_values.items() if value is not None
    ]
    if request.after:
        conditions.append(Hazard.id > request.after[0])
    wanted = (
        select(Hazard, Enterprise, Site, Region.code)
        .join(Enterprise, Enterprise.id == Hazard.enterprise_id)
        .join(Site, Site.id == Hazard.site_id)
        .join(Region, Region.id == Hazard.region_id)
        .where(*conditions)
    )
    rows = (await session.execute(wanted.order_by(Hazard.id).limit(request.limit + 1))).all()
    ordered = await list_orders_of(session, [row[0].id for row in rows])
    in_force = {order.hazard_id: order for order in ordered}
    views = [_view(*row, order=in_force.get(row[0].id)) for row in rows]
    return Page.cut(views, request, key=lambda view: (view.id,))


def _view(
    hazard: Hazard,
    enterprise: Enterprise,
    site: Site,
    region_code: str,
    *,
    order: OrderOfHazard | None,
) -> PartnerHazard:
    plain: dict[str, Any] = {name: getattr(hazard, name) for name in _PLAIN}
    return PartnerHazard(
        **plain,
        description=passed_on(hazard, order.requirement if order else ""),
        is_overdue=is_overdue(hazard.status, hazard.due_on, shanghai_today()),
        order=PartnerOrder.model_validate(order) if order else None,
        enterprise=PartnerParty.model_validate(enterprise),
        site=PartnerSite(id=site.id, name=site.name, region_code=region_code),
    )
