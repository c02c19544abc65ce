"""Files from phones. No database connection is held while the body arrives."""

import hashlib
from typing import Annotated
from uuid import UUID

import anyio
from fastapi import APIRouter, Depends, Header, Request, Response

from app.http.problems import TooLargeProblem
from app.http.sessions import CurrentActor, RuntimeOf, allowed
from app.schemas.evidence import EvidenceStored
from app.services.evidence.errors import WrongBytesProblem
from app.services.evidence.service import Arrival, announced_digest, register_original
from app.services.identity.errors import DeviceRequiredProblem
from app.storage.store import original_key

router = APIRouter(prefix="/evidence", tags=["evidence"])


@router.put("/{evidence_id}", status_code=201, dependencies=[Depends(allowed("evidence:upload"))])
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
    announced = announced_digest(repr_digest)
    content = await request.body()
    limit = runtime.settings.max_evidence_bytes
    if len(content) > limit:
        raise TooLargeProblem(limit=limit)
    digest = await anyio.to_thread.run_sync(lambda: "sha-256:" + hashlib.sha256(content).hexdigest())
    if digest != announced or not content:
        raise WrongBytesProblem
    await runtime.storage.put(original_key(digest), content)
    arrival = Arrival(evidence_id, anshao_package, digest, len(content), content_type[:100])
    async with runtime.database.write() as session:
        stored = await register_original(session, actor, arrival)
    response.status_code = 201 if stored.is_new else 200
    return EvidenceStored(id=evidence_id, status=stored.status, hash=digest, size=len(content))
