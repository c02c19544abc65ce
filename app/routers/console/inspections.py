"""Assignments and visits at the console."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.enums.inspections import ENFORCEMENT_KINDS
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.schemas.inspections import (
    AssignmentRequest,
    AssignmentView,
    CancelRequest,
    IntakeView,
    VisitCount,
    VisitDetail,
    VisitView,
)
from app.services.inspections.assignments import (
    AssignmentFilter,
    assign_inspection,
    cancel_assignment,
    list_assignments,
    show_assignment,
)
from app.services.inspections.visits import count_visits, get_visit, list_visits, list_waiting

router = APIRouter(prefix="/inspections", tags=["inspections"], route_class=IdempotentRoute)
READ = [Depends(allowed("inspections:read"))]
Kind = Literal["inspection", "reinspection", "patrol", "whistle"]
ASSIGN = [Depends(allowed("inspections:assign"))]


@router.post("/assignments", status_code=201, dependencies=ASSIGN)
async def post_assignment(
    body: AssignmentRequest, response: Response, actor: CurrentActor, session: WriteSession, _: Idempotency
) -> AssignmentView:
    """Assign a team of two certified officers or more to a site."""
    assignment = await assign_inspection(session, actor, body)
    set_etag(response, assignment.version)
    return assignment


@router.get("/assignments", dependencies=READ)
async def get_assignments(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    status: Annotated[Literal["assigned", "visited", "cancelled"] | None, Query()] = None,
    site_id: UUID | None = None,
    officer_id: UUID | None = None,
    on: date | None = None,
) -> PageOf[AssignmentView]:
    """Assignments of the caller's regions and teams, newest first."""
    narrowed = AssignmentFilter(status, site_id, officer_id, on)
    return paging.page(await list_assignments(session, actor, paging.request, narrowed), lambda row: row)


@router.get("/assignments/{assignment_id}", dependencies=READ)
async def get_one_assignment(
    assignment_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> AssignmentView:
    """One assignment."""
    assignment = await show_assignment(session, actor, assignment_id)
    set_etag(response, assignment.version)
    return assignment


@router.post("/assignments/{assignment_id}/cancellation", dependencies=ASSIGN)
async def post_cancellation(
    assignment_id: UUID,
    body: CancelRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> AssignmentView:
    """Cancel an assignment that has not been visited."""
    current = await show_assignment(session, actor, assignment_id)
    check_version(current.version, expected)
    assignment = await cancel_assignment(session, actor, assignment_id, expected, body.reason)
    set_etag(response, assignment.version)
    return assignment


@router.get("/visits", dependencies=READ)
async def get_visits(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    kind: Annotated[list[Kind] | None, Query()] = None,
    site_id: UUID | None = None,
    enterprise_id: UUID | None = None,
    visited_from: date | None = None,
    visited_until: date | None = None,
) -> PageOf[VisitView]:
    """Visits of the caller's regions, newest first; enforcement visits unless kinds are named."""
    page = await list_visits(
        session,
        actor,
        paging.request,
        kinds=kind or ENFORCEMENT_KINDS,
        site_id=site_id,
        enterprise_id=enterprise_id,
        first=visited_from,
        last=visited_until,
    )
    return paging.page(page, VisitView.model_validate)


@router.get("/visits/counts", dependencies=READ)
async def get_visit_counts(
    actor: CurrentActor,
    session: ReadSession,
    visited_from: date | None = None,
    visited_until: date | None = None,
) -> list[VisitCount]:
    """Visits and visited enterprises by kind; officers' visits and assistants' patrols are told apart."""
    return await count_visits(session, actor, first=visited_from, last=visited_until)


@router.get("/visits/{visit_id}", dependencies=READ)
async def get_one_visit(visit_id: UUID, actor: CurrentActor, session: ReadSession) -> VisitDetail:
    """One visit with its packages and findings."""
    return await get_visit(session, actor, visit_id)


@router.get("/waiting-packages", dependencies=READ)
async def get_waiting_packages(
    actor: CurrentActor, session: ReadSession, paging: PagingOf
) -> PageOf[IntakeView]:
    """Packages kept aside or not yet processed: each needs a person or the sweep."""
    return paging.page(await list_waiting(session, actor, paging.request), lambda row: row)
