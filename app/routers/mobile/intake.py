"""The intake: where a revoked phone leaves what it still holds. Without a token by design: its key signs each handing in."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from app.http.bodies import body_pieces
from app.http.openapi import raw_body
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, allowed
from app.schemas.quarantine import CustodyNoteView, DeliveryStanding
from app.services.evidence.service import announced_digest
from app.services.identity.brake import Brake
from app.services.inspections.policy import SUBMIT_ACTIONS
from app.services.quarantine.errors import PackageRequiredProblem
from app.services.quarantine.intake import Handover, hand_in_file, hand_in_package, recognise
from app.services.quarantine.queue import find_own_deliveries

INTAKE = "/mobile/v1/intake"
router = APIRouter(prefix="/intake", tags=["quarantine"])

Text = Annotated[str, Header(max_length=200)]
Moment = Annotated[
    str, Header(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$", max_length=40)
]
_BODY = raw_body("application/json", "image/jpeg", "image/png", "image/webp", "image/heic", "video/mp4")


@router.post(
    "", status_code=201, response_model=CustodyNoteView, openapi_extra={**_BODY, "security": []}
)  # fmt: skip
async def post_delivery(
    request: Request,
    runtime: RuntimeOf,
    kind: Annotated[Literal["package", "evidence"], Query()],
    id: Annotated[UUID, Query()],
    anshao_key_id: Text,
    anshao_at: Moment,
    anshao_proof: Text,
    package_id: Annotated[UUID | None, Query()] = None,
    anshao_signature: Annotated[str | None, Header(max_length=200)] = None,
    repr_digest: Annotated[str | None, Header(max_length=500)] = None,
    content_type: Annotated[str, Header()] = "application/octet-stream",
) -> Response:
    """Leave a sealed package or a file with a revoked phone's key (public: the key signs). 201 new, 200 known: the same note.

    `Anshao-Proof` signs `anshao.intake/1\\n<kind>\\n<id>\\n<package id>\\n<sha-256:hex>\\n<Anshao-At>`; `Anshao-Signature` is the
    package's own. The custody note says durable, not accepted: a person decides. Sending it again is harmless. A file may be as
    large as an upload (max_upload_bytes).
    """
    if kind == "evidence" and package_id is None:
        raise PackageRequiredProblem
    handover = Handover(
        kind, id, package_id or id, announced_digest(repr_digest), anshao_signature, content_type[:100],
        anshao_at, anshao_proof,
    )  # fmt: skip
    strangers = Brake(runtime.keys, {"intake_address": request.client.host if request.client else ""})
    await strangers.begin(runtime.database)
    sender = await recognise(runtime, anshao_key_id, handover)
    async with runtime.database.write() as session:
        await strangers.release(session)
    await Brake(runtime.keys, {"intake_key": anshao_key_id}).begin(runtime.database)
    if kind == "evidence":
        pieces = body_pieces(request, runtime.settings.max_upload_bytes)
        noted = await hand_in_file(runtime, sender, handover, pieces)
    else:
        pieces = body_pieces(request, runtime.settings.max_body_bytes)
        noted = await hand_in_package(runtime, sender, handover, b"".join([piece async for piece in pieces]))
    return Response(noted.note, 201 if noted.is_new else 200, media_type="application/json")


@router.get("", dependencies=[Depends(allowed(*SUBMIT_ACTIONS))])
async def get_own_deliveries(
    actor: CurrentActor, session: ReadSession, paging: PagingOf
) -> PageOf[DeliveryStanding]:
    """What one's own revoked phones handed in, newest first, and what a person decided; asked with a phone in use."""
    page = await find_own_deliveries(session, actor, paging.request)
    return paging.page(page, DeliveryStanding.model_validate)
