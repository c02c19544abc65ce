"""How an enterprise answers an order, hazard by hazard: photographs first, then the report that names them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.http.filing import file_once
from app.http.forms import StreamedForm
from app.http.idempotency import Idempotency, IdempotentRoute, RequiredKey
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession, allowed
from app.schemas.enterprise.rectification import (
    AnsweredView,
    PhotographView,
    RectificationRequest,
    RectificationView,
)
from app.services.evidence.errors import WrongBytesProblem
from app.services.hazards.answering import LineId, keep_photograph, list_own_reports, report_by_enterprise
from app.storage.store import Kept

router = APIRouter(
    prefix="/orders/{order_id}/hazards/{hazard_id}", tags=["orders"], route_class=IdempotentRoute
)
READ = [Depends(allowed("site_orders:read"))]
ANSWER = [Depends(allowed("site_orders:answer"))]
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "hash": {"type": "string", "pattern": "^sha-256:[0-9a-f]{64}$"},
                    },
                }
            }
        },
    }
}


def _line(order_id: UUID, hazard_id: UUID) -> LineId:
    return LineId(order_id, hazard_id)


LineOf = Annotated[LineId, Depends(_line)]


@router.post(
    "/photographs", status_code=201, dependencies=ANSWER, openapi_extra=_FORM, response_model=PhotographView
)
async def post_photograph(
    line: LineOf, request: Request, actor: CurrentActor, key: RequiredKey, runtime: RuntimeOf
) -> Response:
    """Store a photograph of what was done, streamed while it is hashed, never altered. A given hash must be its own."""

    async def register(session: AsyncSession, form: StreamedForm, kept: Kept) -> PhotographView:
        if form.fields.get("hash") not in (None, kept.sha256):
            raise WrongBytesProblem
        file = await keep_photograph(session, actor, line, kept, form.file_type, form.file_name)
        return PhotographView(
            id=file.id, hash=file.sha256, size=file.size, media_type=file.media_type, name=file.name,
            received_at=file.received_at,
        )  # fmt: skip

    return await file_once(request, runtime, actor, key, register)


@router.post("/rectifications", status_code=201, dependencies=ANSWER)
async def post_rectification(
    line: LineOf,
    body: RectificationRequest,
    actor: CurrentActor,
    session: WriteSession,
    runtime: RuntimeOf,
    _: Idempotency,
) -> AnsweredView:
    """Report that the hazard is rectified; the officers come and look again. So many a day: 429 with Retry-After beyond."""
    most = runtime.settings.enterprise_reports_per_day
    hazard = await report_by_enterprise(session, actor, line, body.note, body.photograph_ids, most)
    return AnsweredView(hazard_id=hazard.id, status=hazard.status, due_on=hazard.due_on)


@router.get("/rectifications", dependencies=READ)
async def get_rectifications(
    line: LineOf, actor: CurrentActor, session: ReadSession
) -> list[RectificationView]:
    """What the enterprise has reported of the hazard, oldest first, at most 200."""
    return [
        RectificationView(
            on_date=step.on_date,
            note=step.note,
            photograph_ids=step.evidence_ids,
            reported_at=step.created_at,
        )
        for step in await list_own_reports(session, actor, line)
    ]
