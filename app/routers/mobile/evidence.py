"""Files from phones. No database connection is held while the body arrives."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response

from app.core.actor import Actor
from app.http.bodies import body_pieces
from app.http.openapi import raw_body
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession, allowed
from app.schemas.evidence import CheckRequest, EvidenceStanding, EvidenceStored, WithdrawalRequest
from app.services.evidence.service import Announcement, announced_digest, take_original
from app.services.evidence.statements import Withdrawal, check_evidence, withdraw_evidence
from app.services.identity.errors import DeviceRequiredProblem

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
    """Store one file: 201 new, 200 the same again, 409 other bytes or undeclared, 422 damaged on the way."""
    digest = announced_digest(repr_digest)
    announced = Announcement(evidence_id, anshao_package, digest, content_type[:100])
    pieces = body_pieces(request, runtime.settings.max_evidence_bytes)
    kept, stored = await take_original(runtime, actor, announced, pieces)
    response.status_code = 201 if stored.is_new else 200
    return EvidenceStored(id=evidence_id, status=stored.status, hash=kept.sha256, size=kept.size)


@router.post("/check", dependencies=UPLOAD)
async def post_check(body: CheckRequest, actor: Phone, session: ReadSession) -> list[EvidenceStanding]:
    """Where the caller's own files stand, so that a phone knows what to send (again); up to 500 at a time."""
    standing = await check_evidence(session, actor, body.ids)
    return [EvidenceStanding(id=identifier, status=status) for identifier, status in standing.items()]


@router.post("/{evidence_id}/withdrawal", dependencies=UPLOAD)
async def post_withdrawal(
    evidence_id: UUID, body: WithdrawalRequest, actor: Phone, session: WriteSession
) -> EvidenceStanding:
    """State that a declared file is lost; it stays listed as withdrawn. Repeating the same is harmless."""
    statement = Withdrawal(body.package_id, evidence_id, body.reason, body.at, body.signature)
    declaration = await withdraw_evidence(session, actor, statement)
    return EvidenceStanding(id=evidence_id, status=declaration.status)
