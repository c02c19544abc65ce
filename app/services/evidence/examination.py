"""Working off the files that wait to be examined: a batch is leased, decoded outside every transaction, written one by one.

Two workers never take the same file (SKIP LOCKED, then the lease); one that dies lets its lease run out. No job per photograph.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession
from structlog import get_logger

from app.core.clock import utc_now
from app.db.rows import insert_rows
from app.enums.evidence import EvidenceFlag
from app.models.evidence import EvidenceDerivative, EvidenceFile
from app.models.history import Change
from app.services.evidence.decoder import Decoder, DecoderFailed
from app.services.evidence.likeness import as_signed
from app.services.evidence.media_types import (
    BOX_HEAD,
    IMAGES,
    KEPT_AS_IS,
    detect_type,
    is_mislabelled,
    type_of_name,
    whole_mp4,
)
from app.services.evidence.service import lock_content
from app.services.runtime import Runtime
from app.storage.store import ObjectStore, derivative_key

BATCH = 16
LEASE = timedelta(minutes=10)
MAX_ATTEMPTS = 3
"""Times a file may end its decoder before it is flagged."""
GIVEN_UP = 50
"""Times in all, whatever the reason (a storage that cannot be written, say): then a person has to look at the log."""
HEAD_BYTES = 4096
"""What tells the type of a file."""
MAX_PICTURE_BYTES = 64 * 1024**2
"""A larger picture is not decoded: it is held in memory twice over while it is, here and in its decoder."""

log = get_logger()

_LEASE = text(
    """
    WITH waiting AS (
        SELECT id FROM evidence_files
         WHERE examined_at IS NULL AND (leased_until IS NULL OR leased_until < :now) AND attempts < :given_up
         ORDER BY received_at LIMIT :batch FOR UPDATE SKIP LOCKED),
    leased AS (
        UPDATE evidence_files f SET leased_until = :until, attempts = attempts + 1 FROM waiting WHERE f.id = waiting.id
        RETURNING f.id, f.package_id, f.region_id, f.storage_key, f.media_type, f.name, f.size, f.attempts)
    SELECT leased.*, d.media_type AS declared_type, d.name AS declared_name
      FROM leased LEFT JOIN evidence_declarations d ON d.package_id = leased.package_id AND d.id = leased.id
    """
)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A leased file and what its sender says it is."""

    id: UUID
    region_id: UUID | None
    storage_key: str
    size: int
    claims: tuple[str | None, ...]
    attempts: int


async def examine_waiting(runtime: Runtime, decoders: Sequence[Decoder], batch: int = BATCH) -> int:
    """Examine up to `batch` waiting files, as many at a time as there are decoders; returns how many were taken up."""
    leased = await _lease(runtime, batch)
    queue = iter(leased)

    async def work(decoder: Decoder) -> None:
        for file in queue:
            try:
                await _examine_one(runtime, decoder, file)
            except Exception as error:
                log.error(
                    "evidence_not_examined",
                    evidence_id=str(file.id),
                    kind=type(error).__name__,
                    exc_info=error,
                )

    await asyncio.gather(*(work(decoder) for decoder in decoders))
    return len(leased)


async def _lease(runtime: Runtime, batch: int) -> list[_Waiting]:
    now = utc_now()
    values = {"now": now, "until": now + LEASE, "batch": batch, "given_up": GIVEN_UP}
    async with runtime.database.single_statement() as connection:
        rows = await connection.execute(_LEASE, values)
        return [
            _Waiting(
                row.id,
                row.region_id,
                row.storage_key,
                row.size,
                (
                    row.media_type,
                    row.declared_type,
                    type_of_name(row.name),
                    type_of_name(row.declared_name),
                ),
                row.attempts,
            )
            for row in rows
        ]


async def _examine_one(runtime: Runtime, decoder: Decoder, file: _Waiting) -> None:
    """Decode and write down; a file that fails the decoder is tried again later, and flagged at the last attempt."""
    try:
        found = await _look_at(runtime.storage, decoder, file)
    except FileNotFoundError:
        log.error("original_missing", evidence_id=str(file.id))
        found = _flagged(EvidenceFlag.ORIGINAL_MISSING)
    except DecoderFailed:
        log.warning("decoder_failed", evidence_id=str(file.id), attempt=file.attempts)
        if file.attempts < MAX_ATTEMPTS:
            return
        found = _flagged(EvidenceFlag.UNDECODABLE)
    copies = [await _store_copy(runtime, file, copy) for copy in found["reduced"]]
    async with runtime.database.write() as session:
        for copy in sorted(copies, key=itemgetter("sha256")):
            await lock_content(session, copy["sha256"])
            if not await runtime.storage.exists(copy["storage_key"]):
                return  # swept away at this very moment: the next attempt stores it anew
        await _write(session, file, found, copies)


async def _look_at(storage: ObjectStore, decoder: Decoder, file: _Waiting) -> dict[str, Any]:
    """What is found in it. Only a picture is read whole, and none that is larger than pictures are: of a film its boxes tell."""
    head = await storage.read(file.storage_key, 0, HEAD_BYTES)
    detected = detect_type(head)
    flags = [EvidenceFlag.MISLABELLED] if is_mislabelled(detected, file.claims) else []
    if detected in KEPT_AS_IS:
        is_whole = await _is_whole(storage, file)
        return _flagged(*flags, *(() if is_whole else (EvidenceFlag.DAMAGED,)), detected=detected)
    if detected not in IMAGES:
        return _flagged(*flags, EvidenceFlag.UNSUPPORTED, detected=detected)
    if file.size > MAX_PICTURE_BYTES:
        return _flagged(*flags, EvidenceFlag.TOO_LARGE, detected=detected)
    return await decoder.examine(await storage.read(file.storage_key, 0, MAX_PICTURE_BYTES), file.claims)


async def _is_whole(storage: ObjectStore, file: _Waiting) -> bool:
    looking, seen = whole_mp4(file.size), None
    while True:
        try:
            at = next(looking) if seen is None else looking.send(seen)
        except StopIteration as ended:
            return bool(ended.value)
        seen = await storage.read(file.storage_key, at, BOX_HEAD)


def _flagged(*flags: EvidenceFlag, detected: str | None = None) -> dict[str, Any]:
    return {
        "detected_type": detected,
        "flags": [flag.value for flag in flags],
        "facts": {},
        "hashes": [],
        "reduced": [],
    }


async def _store_copy(runtime: Runtime, file: _Waiting, copy: Mapping[str, Any]) -> dict[str, Any]:
    """Store a copy under its own hash; gives its row."""
    content: bytes = copy["content"]
    sha256 = "sha-256:" + hashlib.sha256(content).hexdigest()
    key = derivative_key(sha256)
    await runtime.storage.put(key, content)
    return {
        "evidence_id": file.id,
        "pixels": copy["pixels"],
        "width": copy["width"],
        "height": copy["height"],
        "size": len(content),
        "sha256": sha256,
        "storage_key": key,
    }


async def _write(
    session: AsyncSession, file: _Waiting, found: Mapping[str, Any], copies: Sequence[Mapping[str, Any]]
) -> None:
    """The result of an examination, once: whoever's lease ran out finds the row examined and writes nothing."""
    examined = (
        update(EvidenceFile)
        .where(
            EvidenceFile.id == file.id,
            EvidenceFile.storage_key
            == file.storage_key,  # a waiting file may have lost its id to a declared one
            EvidenceFile.examined_at.is_(None),
        )
        .values(
            examined_at=utc_now(),
            leased_until=None,
            detected_type=found["detected_type"],
            flags=found["flags"],
            metadata_facts=found["facts"],
            perceptual_hashes=[as_signed(value) for value in found["hashes"]],
        )
        .returning(EvidenceFile.region_id)
    )
    row = (await session.execute(examined)).first()
    if row is not None:
        change = {"kind": "evidence", "object_id": file.id, "version": 1, "region_id": row.region_id}
        await insert_rows(session, (EvidenceDerivative, copies), (Change, [change]))
