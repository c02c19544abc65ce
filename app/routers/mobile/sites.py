"""The sites an officer is sent to, for the phone."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response

from app.http.conditions import set_etag
from app.http.sessions import CurrentActor, ReadSession, allowed
from app.schemas.sites import SiteDetail
from app.services.inspections.sites import show_site_to_officer

router = APIRouter(prefix="/sites", tags=["sites"])


@router.get("/{site_id}", dependencies=[Depends(allowed("enterprises:read"))])
async def get_site(
    site_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> SiteDetail:
    """One site with its enterprise, links and units of risk: of the caller's regions or of an assignment."""
    detail = await show_site_to_officer(session, actor, site_id)
    set_etag(response, detail.version)
    return detail
