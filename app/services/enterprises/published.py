"""The register as partners read it: never grades, contacts, co-tenants or where an entry came from."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.paging import Page, PageRequest
from app.models.enterprises import Enterprise
from app.models.organizations import Region
from app.schemas.partner.records import PartnerEnterprise


async def list_published_enterprises(
    session: AsyncSession, actor: Actor, request: PageRequest, *, uscc: str | None
) -> Page[PartnerEnterprise]:
    """Enterprises of the client's regions, oldest entry first, so that new ones come at the end; one statement."""
    conditions: list[ColumnElement[bool]] = [Enterprise.region_id.in_(actor.regions_for("enterprises:read"))]
    if uscc is not None:
        conditions.append(Enterprise.uscc == uscc)
    if request.after:
        conditions.append(Enterprise.id > request.after[0])
    wanted = (
        select(Enterprise, Region.code).join(Region, Region.id == Enterprise.region_id).where(*conditions)
    )
    rows = await session.execute(wanted.order_by(Enterprise.id).limit(request.limit + 1))
    views = [_view(enterprise, code) for enterprise, code in rows]
    return Page.cut(views, request, key=lambda view: (view.id,))


def _view(enterprise: Enterprise, region_code: str) -> PartnerEnterprise:
    members = {
        name: getattr(enterprise, name) for name in PartnerEnterprise.model_fields if name != "region_code"
    }
    return PartnerEnterprise(**members, region_code=region_code)
