"""Files from phones. No database connection is held while the body arrives."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response

from app.core.actor import Actor
from app.http.bodies import body_pieces
from app.http.objects import is_unchanged, not_modified, object_response
from app.http.openapi import raw_body
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession, allowed
from app.schemas.evidence import CheckRequest, EvidenceStanding, EvidenceStored, WithdrawalRequest
from app.services.evidence.reading import find_bytes, record_look
from app.services.evidence.service import Announcement, announced_digest
from app.services.evidence.statements import Withdrawal, check_evidence, withdraw_evidence
from app.services.identity.errors import DeviceRequiredProblem
from app.services.inspections.before_photos import is_shown_by_assignment
from app.services.inspections.delivering import deliver_file

router = APIRouter(prefix="/evidence", tags=["evidence"])

UPLOAD = [Depends(allowed("evidence:upload"))]


async def _phone(actor: CurrentActor) -> Actor:
    """The acting officer's phone; a browser's session is refused."""
    if actor.device_id is None:
        raise DeviceRequiredProblem
    return actor


Phone = Annotated[Actor, Depends(_phone)]


@router.put(
    "/{evidence_id}",
    status_code=201,
    dependencies=[Depends(allowed("evidence:upload"))],
    openapi_extra=raw_body("image/jpeg", "image/png", "image/webp", "image/heic", "video/mp4"),
)
async def put_evidence(
    evidence_id: UUID,
    request: Request,
    response: Response,
    actor: Phone,
    runtime: RuntimeOf,
    anshao_package: Annotated[UUID, Header()],
    repr_digest: Annotated[str | None, Header()] = None,
    content_type: Annotated[str, Header()] = "application/octet-stream",
) -> EvidenceStored:
    """Store one file: 201 new, 200 the same again, 409 other bytes or undeclared, 422 damaged on the way.

    The answer to a package's last missing file carries the receipt.
    """
    digest = announced_digest(repr_digest)
    announced = Announcement(evidence_id, anshao_package, digest, content_type[:100])
    pieces = body_pieces(request, runtime.settings.max_evidence_bytes)
    answer, is_new = await deliver_file(runtime, actor, announced, pieces)
    response.status_code = 201 if is_new else 200
    return answer


@router.post("/check", dependencies=UPLOAD, response_model_exclude_none=True)
async def post_check(body: CheckRequest, actor: Phone, session: ReadSession) -> list[EvidenceStanding]:
    """Where the caller's own files stand, so that a phone knows what to send (again); up to 500 at a time."""
    standing = await check_evidence(session, actor, body.ids)
    return [
        EvidenceStanding(id=one, status=where.status, offset=where.offset) for one, where in standing.items()
    ]


@router.post("/{evidence_id}/withdrawal", dependencies=UPLOAD, response_model_exclude_none=True)
async def post_withdrawal(
    evidence_id: UUID, body: WithdrawalRequest, actor: Phone, session: WriteSession
) -> EvidenceStanding:
    """State that a declared file is lost; it stays listed as withdrawn. Repeating the same is harmless."""
    statement = Withdrawal(body.package_id, evidence_id, body.reason, body.at, body.signature)
    declaration = await withdraw_evidence(session, actor, statement)
    return EvidenceStanding(id=evidence_id, status=declaration.status)


@router.get(
    "/{evidence_id}/derivatives/{pixels}",
    dependencies=[Depends(allowed("evidence:read"))],
    response_class=Response,
)
async def get_derivative(
    evidence_id: UUID,
    pixels: Literal["1280", "320"],
    request: Request,
    actor: CurrentActor,
    runtime: RuntimeOf,
) -> Response:
    """A reduced copy of a photograph of the caller's regions, or one that an assignment of his shows (before-photos).

    Its ETag is its hash: what the phone holds already is a 304. Every look is written down before the bytes leave.
    """
    async with runtime.database.write() as session:
        is_shown = await is_shown_by_assignment(session, actor, evidence_id)
        stored, region_id = await find_bytes(session, actor, evidence_id, int(pixels), is_shown=is_shown)
        if is_unchanged(request, stored):
            return not_modified(stored)
        await record_look(session, actor, evidence_id, region_id, int(pixels), "download")
    return await object_response(request, runtime.storage, stored, as_attachment=False)
