"""Taking an original in: stored durably first, with no database connection held; then its row and its claim at once."""

import base64
import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy import exists, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import Problem
from app.models.evidence import EvidenceFile, EvidenceRemoval
from app.models.quarantine import IntakeDelivery
from app.services.evidence.arrivals import Arrival, Stored, claim_original, register_original
from app.services.evidence.errors import DigestRequiredProblem, OriginalGoneProblem, WrongBytesProblem
from app.services.runtime import Runtime
from app.storage.store import Buffer, Kept, WrongContent, original_key

FRESH_FOR_SECONDS = 3600.0
"""Far below the age at which originals without a row are swept away (sweeping.STRAY_AFTER_SECONDS)."""

_LOCK_CONTENT = text("SELECT pg_advisory_xact_lock(hashtextextended(:sha256, 12))")


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a phone says of a file before its bytes come."""

    id: UUID
    package_id: UUID
    sha256: str
    media_type: str


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


@dataclass(frozen=True, slots=True)
class Brought:
    """A file whose bytes are durable and whose row is still to be written; `stored_at` of the monotonic clock."""

    kept: Kept
    arrival: Arrival
    stored_at: float = field(default_factory=time.monotonic)

    def as_kept(self) -> Kept:
        """What hold_bytes must know: bytes that have waited long are not new any more."""
        is_fresh = time.monotonic() - self.stored_at < FRESH_FOR_SECONDS
        return replace(self.kept, is_new=self.kept.is_new and is_fresh)


async def take_original(
    runtime: Runtime, actor: Actor, announced: Announcement, pieces: AsyncIterator[Buffer]
) -> tuple[Kept, Stored]:
    """Store a phone's file and register it. Raises WrongBytesProblem, UndeclaredProblem, OtherFileProblem,
    UnclaimedQuotaProblem, RejectedPackageProblem, NotFoundProblem; what is refused leaves no bytes behind."""
    kept = await keep_bytes(runtime, pieces, announced.sha256)
    arrival = Arrival(announced.id, announced.package_id, kept.sha256, kept.size, announced.media_type)
    return kept, await register_brought(runtime, actor, Brought(kept, arrival))


async def register_brought(runtime: Runtime, actor: Actor, brought: Brought) -> Stored:
    """Register a file that is durable already; raises what take_original raises, and then leaves no bytes behind."""
    kept, arrival = brought.as_kept(), brought.arrival
    if kept.is_new:
        stored = await claim_original(runtime, actor, arrival)
        if stored is not None:
            return stored
    try:
        async with runtime.database.write() as session:
            await hold_bytes(session, runtime, kept)
            return await register_original(session, actor, arrival)
    except Problem:
        if (
            kept.is_new
        ):  # bytes that lay there before may belong to a row that is being written at this moment
            await forget_unused_bytes(runtime, kept.sha256)
        raise


async def keep_bytes(runtime: Runtime, pieces: AsyncIterator[Buffer], announced: str | None) -> Kept:
    """Store the bytes under their own hash; raises WrongBytesProblem when they are not the announced ones, or none."""
    try:
        return await runtime.storage.keep(pieces, announced)
    except WrongContent as wrong:
        raise WrongBytesProblem from wrong


async def lock_content(session: AsyncSession, sha256: str) -> None:
    """Let one transaction at a time decide whether content that is stored already is used or removed."""
    await session.execute(_LOCK_CONTENT, {"sha256": sha256})


async def hold_bytes(session: AsyncSession, runtime: Runtime, kept: Kept) -> None:
    """Make sure that the bytes are not swept away while their new row is written.

    In danger are bytes that lay there before, and new ones whose content was to be removed: a removal that was broken off is
    done again. Raises OriginalGoneProblem when they went a moment ago.
    """
    if kept.is_new and not await _is_to_be_removed(session, kept.key):
        return
    await lock_content(session, kept.sha256)
    if not await runtime.storage.exists(kept.key):
        raise OriginalGoneProblem


_OBSTACLES = text(
    """
    SELECT ARRAY(SELECT storage_key FROM evidence_removals WHERE storage_key = ANY(:keys)) AS doomed,
           EXISTS (SELECT FROM evidence_declarations
                    WHERE id = ANY(CAST(:ids AS uuid[])) AND device_id <> :device_id) AS is_of_others
    """
)


async def hold_all(
    session: AsyncSession, runtime: Runtime, device_id: UUID, brought: Sequence[Brought]
) -> bool:
    """The same for several files of one phone at once, in one statement when all are new; False when they cannot be claimed
    together: the bytes of one went a moment ago, or another phone has declared an id as well."""
    all_kept = [one.as_kept() for one in brought]
    values = {
        "keys": [kept.key for kept in all_kept],
        "ids": [one.arrival.id for one in brought],
        "device_id": device_id,
    }
    obstacles = (await session.execute(_OBSTACLES, values)).one()
    if obstacles.is_of_others:
        return False
    held = {kept for kept in all_kept if not kept.is_new or kept.key in obstacles.doomed}
    for kept in sorted(held, key=lambda kept: kept.sha256):  # in one order for everybody
        await lock_content(session, kept.sha256)
        if not await runtime.storage.exists(kept.key):
            return False
    return True


async def _is_to_be_removed(session: AsyncSession, key: str) -> bool:
    wanted = select(EvidenceRemoval.storage_key).where(EvidenceRemoval.storage_key == key)
    return (await session.execute(wanted)).first() is not None


async def forget_unused_bytes(runtime: Runtime, sha256: str) -> bool:
    """Remove an original that no row refers to; True when it was removed. Locked against a new row (hold_bytes)."""
    async with runtime.database.write() as session:
        await lock_content(session, sha256)
        key = original_key(sha256)
        stored = exists().where(EvidenceFile.sha256 == sha256)
        handed_in = exists().where(IntakeDelivery.storage_key == key)
        is_used = bool(await session.scalar(select(or_(stored, handed_in))))
        if not is_used:
            await runtime.storage.remove(key)
        return not is_used
