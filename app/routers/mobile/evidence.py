"""Files from phones. No database connection is held while the body arrives."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response

from app.http.bodies import body_pieces
from app.http.openapi import raw_body
from app.http.sessions import CurrentActor, RuntimeOf, allowed
from app.schemas.evidence import EvidenceStored
from app.services.evidence.service import Announcement, announced_digest, take_original
from app.services.identity.errors import DeviceRequiredProblem

router = APIRouter(prefix="/evidence", tags=["evidence"])


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
    actor: CurrentActor,
    runtime: RuntimeOf,
    anshao_package: Annotated[UUID, Header()],
    repr_digest: Annotated[str | None, Header()] = None,
    content_type: Annotated[str, Header()] = "application/octet-stream",
) -> EvidenceStored:
    """Store one file: 201 new, 200 the same again, 409 other bytes or undeclared, 422 damaged on the way."""
    if actor.device_id is None:
        raise DeviceRequiredProblem
    digest = announced_digest(repr_digest)
    announced = Announcement(evidence_id, anshao_package, digest, content_type[:100])
    pieces = body_pieces(request, runtime.settings.max_evidence_bytes)
    kept, stored = await take_original(runtime, actor, announced, pieces)
    response.status_code = 201 if stored.is_new else 200
    return EvidenceStored(id=evidence_id, status=stored.status, hash=kept.sha256, size=kept.size)
