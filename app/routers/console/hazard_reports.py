"""Hazards that somebody reports, registered at a desk; and who gave a tip, shown for a reason."""

from uuid import UUID

from fastapi import APIRouter, Depends

from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.sessions import CurrentActor, RuntimeOf, WriteSession, allowed
from app.routers.console.hazards import show_hazard
from app.schemas.contacts import UnmaskRequest
from app.schemas.hazard_reports import HazardReportRequest, InformantRequest, InformantView
from app.schemas.hazards import HazardView
from app.services.hazards.informants import Informant, reveal_informant
from app.services.hazards.reporting import Report, register_at_desk

router = APIRouter(prefix="/hazards", tags=["hazards"], route_class=IdempotentRoute)
REPORT = [Depends(allowed("hazards:report"))]
UNMASK = [Depends(allowed("hazards:unmask_informant"))]


@router.post("/reports", status_code=201, dependencies=REPORT)
async def post_report(
    body: HazardReportRequest, actor: CurrentActor, session: WriteSession, runtime: RuntimeOf, _: Idempotency
) -> HazardView:
    """Register a hazard from a tip, another authority or an enterprise's report, as general; suspected is not major."""
    values = {name: getattr(body, name) for name in HazardReportRequest.model_fields if name != "informant"}
    informant = _informant(body.informant) if body.informant else None
    return show_hazard(await register_at_desk(session, runtime.keys, actor, Report(**values), informant))


@router.post("/{hazard_id}/informant/unmasking", dependencies=UNMASK)
async def post_unmasking(
    hazard_id: UUID, body: UnmaskRequest, actor: CurrentActor, session: WriteSession, runtime: RuntimeOf
) -> InformantView:
    """Who gave the tip, for a reason that the audit log keeps."""
    revealed = await reveal_informant(session, runtime.keys, actor, hazard_id, body.reason)
    return InformantView.model_validate(revealed)


def _informant(given: InformantRequest) -> Informant:
    return Informant(**{name: value.get_secret_value() for name, value in given if value is not None})
