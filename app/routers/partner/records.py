"""What third-party clients read, within their region and their scopes. Cursors go on from where they ended."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, allowed
from app.schemas.partner.records import PartnerEnterprise, PartnerHazard, PartnerInspection
from app.services.enterprises.published import list_published_enterprises
from app.services.hazards.published import list_published_hazards
from app.services.inspections.published import list_published_visits

enterprises = APIRouter(prefix="/enterprises", tags=["enterprises"])
inspections = APIRouter(prefix="/inspections", tags=["inspections"])
hazards = APIRouter(prefix="/hazards", tags=["hazards"])


@enterprises.get("", dependencies=[Depends(allowed("enterprises:read"))])
async def get_enterprises(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    uscc: Annotated[str | None, Query(pattern="^[0-9A-Z]{18}$")] = None,
) -> PageOf[PartnerEnterprise]:
    """Enterprises, oldest entry first."""
    return paging.page(
        await list_published_enterprises(session, actor, paging.request, uscc=uscc), lambda row: row
    )


@inspections.get("", dependencies=[Depends(allowed("inspections:read"))])
async def get_inspections(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    enterprise_id: UUID | None = None,
    visited_from: date | None = None,
    visited_until: date | None = None,
) -> PageOf[PartnerInspection]:
    """Inspections with a valid record, earliest first."""
    page = await list_published_visits(
        session, actor, paging.request, enterprise_id=enterprise_id, first=visited_from, last=visited_until
    )
    return paging.page(page, lambda row: row)


@hazards.get("", dependencies=[Depends(allowed("hazards:read"))])
async def get_hazards(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    enterprise_id: UUID | None = None,
    level: Literal["general", "major"] | None = None,
    status: Literal["ordered", "rectified", "reinspected", "closed"] | None = None,
) -> PageOf[PartnerHazard]:
    """Hazards from the rectification order on, earliest first."""
    page = await list_published_hazards(
        session, actor, paging.request, enterprise_id=enterprise_id, level=level, status=status
    )
    return paging.page(page, lambda row: row)
