"""Hazards that the enterprise reports of itself."""

from uuid import UUID

from fastapi import APIRouter, Depends

from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession, allowed
from app.schemas.enterprise.reports import OwnReport, SelfReportRequest
from app.services.hazards.self_reports import (
    SelfReport,
    get_own_report,
    list_self_reports,
    submit_self_report,
)

router = APIRouter(prefix="/reports", tags=["reports"], route_class=IdempotentRoute)
READ = [Depends(allowed("self_reports:read"))]
SUBMIT = [Depends(allowed("self_reports:submit"))]


@router.post("", status_code=201, dependencies=SUBMIT)
async def post_report(
    body: SelfReportRequest, actor: CurrentActor, session: WriteSession, runtime: RuntimeOf, _: Idempotency
) -> OwnReport:
    """Report a hazard of this site; it counts as found when the server hears of it. So many a day: 429 with Retry-After beyond."""
    most = runtime.settings.enterprise_reports_per_day
    return await submit_self_report(session, actor, SelfReport(**body.model_dump()), most)


@router.get("", dependencies=READ)
async def get_reports(actor: CurrentActor, session: ReadSession, paging: PagingOf) -> PageOf[OwnReport]:
    """The enterprise's own reports of this site, newest first."""
    return paging.page(await list_self_reports(session, actor, paging.request), lambda view: view)


@router.get("/{report_id}", dependencies=READ)
async def get_report(report_id: UUID, actor: CurrentActor, session: ReadSession) -> OwnReport:
    """One report and what has become of it."""
    return await get_own_report(session, actor, report_id)
