"""Visits as partners read them: that, when and where; only with a record that two certified officers stand for."""

from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.paging import Page, PageRequest
from app.models.enterprises import Enterprise, Site
from app.models.inspections import Package, Visit
from app.models.organizations import Authority, Region
from app.schemas.partner.records import PartnerInspection, PartnerParty, PartnerSite


async def list_published_visits(
    session: AsyncSession,
    actor: Actor,
    request: PageRequest,
    *,
    enterprise_id: UUID | None,
    first: date | None,
    last: date | None,
) -> Page[PartnerInspection]:
    """Visits of the client's regions, the earliest first; `first` and `last` are legal dates, both included; one statement."""
    conditions: list[ColumnElement[bool]] = [
        Visit.region_id.in_(actor.regions_for("inspections:read")),
        Visit.kind.in_(("inspection", "reinspection")),
        exists().where(Package.visit_id == Visit.id, Package.is_signable, Package.is_standing),
    ]
    if enterprise_id is not None:
        conditions.append(Visit.enterprise_id == enterprise_id)
    if first is not None:
        conditions.append(Visit.visited_on >= first)
    if last is not None:
        conditions.append(Visit.visited_on <= last)
    if request.after:
        conditions.append(Visit.id > request.after[0])
    wanted = (
        select(Visit, Authority.code, Enterprise, Site, Region.code)
        .join(Authority, Authority.id == Visit.authority_id)
        .join(Enterprise, Enterprise.id == Visit.enterprise_id)
        .join(Site, Site.id == Visit.site_id)
        .join(Region, Region.id == Visit.region_id)
        .where(*conditions)
    )
    rows = await session.execute(wanted.order_by(Visit.id).limit(request.limit + 1))
    return Page.cut([_view(*row) for row in rows], request, key=lambda view: (view.id,))


def _view(
    visit: Visit, authority_code: str, enterprise: Enterprise, site: Site, region_code: str
) -> PartnerInspection:
    return PartnerInspection(
        id=visit.id,
        kind=visit.kind,
        visited_on=visit.visited_on,
        authority_code=authority_code,
        enterprise=PartnerParty.model_validate(enterprise),
        site=PartnerSite(id=site.id, name=site.name, region_code=region_code),
    )
