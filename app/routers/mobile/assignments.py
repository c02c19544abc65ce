"""What an officer's phone has before it."""

from uuid import UUID

from fastapi import APIRouter, Depends

from app.http.sessions import CurrentActor, ReadSession, allowed
from app.schemas.inspections import AssignmentView
from app.schemas.mobile.hazards import AssignedHazard
from app.services.inspections.assignments import list_own_assignments
from app.services.inspections.reinspection import list_assigned_hazards

router = APIRouter(prefix="/assignments", tags=["assignments"])


@router.get("", dependencies=[Depends(allowed("inspections:submit"))])
async def get_own_assignments(actor: CurrentActor, session: ReadSession) -> list[AssignmentView]:
    """The caller's open assignments, soonest first (at most 200)."""
    return await list_own_assignments(session, actor)


@router.get("/{assignment_id}/hazards", dependencies=[Depends(allowed("inspections:submit"))])
async def get_assigned_hazards(
    assignment_id: UUID, actor: CurrentActor, session: ReadSession
) -> list[AssignedHazard]:
    """What a re-inspection is to look at: the assignment's hazards with the photographs taken before."""
    return await list_assigned_hazards(session, actor, assignment_id)
