"""Taking an original in: stored durably first, then its row and its claim in one transaction."""

import base64
import hashlib
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.events import publish
from app.models.evidence import EvidenceDeclaration, EvidenceFile, EvidenceManifest
from app.services.evidence.errors import (
    DigestRequiredProblem,
    OtherFileProblem,
    UnclaimedQuotaProblem,
    UndeclaredProblem,
    WrongBytesProblem,
)
from app.services.evidence.events import PackageEvidenceCompleted
from app.services.evidence.manifest import lock_manifest, missing_evidence
from app.storage.store import original_key

MAX_UNCLAIMED = 300
"""Files of one phone that may wait for their packages."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One file as it came."""

    id: UUID
    package_id: UUID
    sha256: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a file: stored (waits for its package) or verified; `is_new` False when it was here already."""

    status: str
    is_new: bool


def announced_digest(header: str | None) -> str:
    """The sha-256 of a Repr-Digest header (RFC 9530) as sha-256:<hex>; raises DigestRequiredProblem."""
    for part in (header or "").split(","):
        name, _, value = part.strip().partition("=")
        if name.lower() == "sha-256" and len(value) > 2 and value[0] == value[-1] == ":":
            try:
                raw = base64.b64decode(value[1:-1], validate=True)
            except ValueError:
                break
            if len(raw) == hashlib.sha256().digest_size:
                return "sha-256:" + raw.hex()
    raise DigestRequiredProblem


async def register_original(session: AsyncSession, actor: Actor, arrival: Arrival) -> Stored:
    """Write the row of an original that is already durable, claim it if its package is here, and tell when it was the last."""
    assert actor.device_id is not None
    assert actor.user_id is not None
    await lock_manifest(session, arrival.package_id)
    declaration = await _judge_arrival(session, actor, arrival)
    values = {
        "id": arrival.id,
        "package_id": arrival.package_id,
        "device_id": actor.device_id,
        "user_id": actor.user_id,
        "is_claimed": declaration is not None,
        "sha256": arrival.sha256,
        "size": arrival.size,
        "media_type": arrival.media_type,
        "storage_key": original_key(arrival.sha256),
        "flags": [],
    }
    new = insert(EvidenceFile).values(values).on_conflict_do_nothing().returning(EvidenceFile.id)
    is_new = (await session.execute(new)).scalar_one_or_none() is not None
    if not is_new:
        await _refuse_other_file(session, actor, arrival)
    if declaration is None:
        return Stored("stored", is_new)
    if declaration.status == "missing":
        await _claim(session, declaration)
        if not await missing_evidence(session, arrival.package_id):
            await publish(session, PackageEvidenceCompleted(arrival.package_id))
    return Stored("verified", is_new)


async def _judge_arrival(session: AsyncSession, actor: Actor, arrival: Arrival) -> EvidenceDeclaration | None:
    """The declaration the file belongs to; None when the package has not come yet. Refuses what cannot belong."""
    manifest = await session.get(EvidenceManifest, arrival.package_id)
    if manifest is None:
        await _check_quota(session, actor)
        return None
    if manifest.device_id != actor.device_id:
        raise NotFoundProblem
    declaration = await session.get(EvidenceDeclaration, (arrival.package_id, arrival.id))
    if declaration is None:
        raise UndeclaredProblem
    if (declaration.sha256, declaration.size) != (arrival.sha256, arrival.size):
        raise WrongBytesProblem
    return declaration


async def _check_quota(session: AsyncSession, actor: Actor) -> None:
    waiting = select(func.count()).where(EvidenceFile.device_id == actor.device_id, ~EvidenceFile.is_claimed)
    if (await session.execute(waiting)).scalar_one() >= MAX_UNCLAIMED:
        raise UnclaimedQuotaProblem(seconds=600)


async def _refuse_other_file(session: AsyncSession, actor: Actor, arrival: Arrival) -> None:
    known = select(EvidenceFile.sha256, EvidenceFile.device_id).where(EvidenceFile.id == arrival.id)
    sha256, device_id = (await session.execute(known)).one()
    if sha256 != arrival.sha256 or device_id != actor.device_id:
        raise OtherFileProblem


async def _claim(session: AsyncSession, declaration: EvidenceDeclaration) -> None:
    declaration.status = "verified"
    await session.flush()
    await session.execute(
        update(EvidenceFile).where(EvidenceFile.id == declaration.id).values(is_claimed=True),
        execution_options={"synchronize_session": False},
    )
