"""The risk of an enterprise at the console."""

from uuid import UUID

from fastapi import APIRouter, Depends

from app.http.sessions import CurrentActor, ReadSession, allowed
from app.schemas.risks import RiskPicture
from app.services.risks.picture import show_picture

router = APIRouter(prefix="/enterprises", tags=["risks"])


@router.get("/{enterprise_id}/risk", dependencies=[Depends(allowed("risks:read"))])
async def get_risk(enterprise_id: UUID, actor: CurrentActor, session: ReadSession) -> RiskPicture:
    """Open and overdue hazards, returns, whistles and visits in the caller's regions, with a score that shows its parts."""
    return await show_picture(session, actor, enterprise_id)
