"""What an officer's phone has before it."""

from fastapi import APIRouter, Depends

from app.http.sessions import CurrentActor, ReadSession, allowed
from app.schemas.inspections import AssignmentView
from app.services.inspections.assignments import list_own_assignments

router = APIRouter(prefix="/assignments", tags=["assignments"])


@router.get("", dependencies=[Depends(allowed("inspections:submit"))])
async def get_own_assignments(actor: CurrentActor, session: ReadSession) -> list[AssignmentView]:
    """The caller's open assignments, soonest first (at most 200)."""
    return await list_own_assignments(session, actor)
