"""Clearing away: files that no package declared in 90 days, their bytes, and what interrupted uploads left in the staging.

Rows go first, in the transaction that writes it down; bytes go afterwards, when no other row refers to them (a file that comes
again meanwhile holds them, see hold_bytes).
"""

from datetime import timedelta
from pathlib import PurePosixPath

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import utc_now
from app.db.rows import insert_rows
from app.models.evidence import EvidenceDerivative, EvidenceFile, EvidenceRemoval
from app.models.quarantine import IntakeDelivery
from app.services.audit.service import Act, rows_of_acts
from app.services.evidence.service import lock_content
from app.services.runtime import Runtime

UNCLAIMED_KEPT_FOR = timedelta(days=90)
"""Also in the trigger that guards originals: sooner, the database refuses."""
BATCH = 200
STRAY_AFTER_SECONDS = 24 * 3600
"""The row of an original is written in the request that stores it: a day later it will not come any more."""
KEPT_IN = ("originals", "derivatives")

_REMOVE_OLD = text(
    """
    WITH old AS (
        SELECT id FROM evidence_files f WHERE NOT is_claimed AND received_at < :before
            AND NOT EXISTS (
                SELECT FROM package_intakes p WHERE p.package_id = f.package_id
                   AND (p.status IN ('received', 'quarantined') OR p.decided_at >= :before))
            AND NOT EXISTS (
                SELECT FROM intake_deliveries i WHERE i.kind = 'package' AND i.package_id = f.package_id
                   AND (i.status = 'waiting' OR i.decided_at >= :before))
            AND NOT EXISTS (
                SELECT FROM package_conflicts c LEFT JOIN conflict_verdicts v ON v.conflict_id = c.id
                 WHERE c.package_id = f.package_id AND (v.conflict_id IS NULL OR v.created_at >= :before))
         ORDER BY received_at LIMIT :batch FOR UPDATE SKIP LOCKED),
    copies AS (
        SELECT storage_key, sha256 FROM evidence_derivatives WHERE evidence_id IN (SELECT id FROM old)),
    removed AS (
        DELETE FROM evidence_files WHERE id IN (SELECT id FROM old) RETURNING id, sha256, storage_key),
    decided AS (
        INSERT INTO evidence_removals (storage_key, sha256, decided_at)
        SELECT storage_key, sha256, :now FROM removed UNION SELECT storage_key, sha256, :now FROM copies
            ON CONFLICT DO NOTHING)
    SELECT id, sha256 FROM removed
    """
)


async def sweep_unclaimed(runtime: Runtime) -> int:
    """Remove the files that no package declared in 90 days, each with its audit row; gives their number.

    What belongs to a package that is still to be processed, set aside for a person or in custody stays, and for 90 days after
    the decision; so does what belongs to one under whose id other bytes came that a person must judge, for they may declare it.
    What another processed or rejected package left behind waits for nothing any more, and goes.
    """
    removed = 0
    while True:
        async with runtime.database.write() as session:
            found = await _remove_rows(session)
        removed += found
        if found < BATCH:
            return removed


async def _remove_rows(session: AsyncSession) -> int:
    now = utc_now()
    values = {"before": now - UNCLAIMED_KEPT_FOR, "now": now, "batch": BATCH}
    rows = (await session.execute(_REMOVE_OLD, values)).all()
    acts = [
        Act("evidence:sweep", "evidence", row.id, 1, None, before={"sha256": row.sha256}, detail={"hash": row.sha256})
        for row in rows
    ]  # fmt: skip
    await insert_rows(session, *rows_of_acts(SYSTEM, acts))
    return len(rows)


async def remove_decided(runtime: Runtime) -> int:
    """Remove the bytes of swept rows that no row refers to by now; gives how many objects went."""
    async with runtime.database.read() as session:
        wanted = select(EvidenceRemoval.storage_key, EvidenceRemoval.sha256).order_by(
            EvidenceRemoval.decided_at
        )
        decided = (await session.execute(wanted.limit(BATCH))).all()
    gone = 0
    for key, sha256 in decided:
        async with runtime.database.write() as session:
            await lock_content(session, sha256)
            if not await is_used(session, key, sha256):
                await runtime.storage.remove(key)
                gone += 1
            await session.execute(delete(EvidenceRemoval).where(EvidenceRemoval.storage_key == key))
    return gone


async def remove_strays(runtime: Runtime, older_than_seconds: float = STRAY_AFTER_SECONDS) -> int:
    """Remove originals and reduced copies that were stored before a process died, and never got a row; gives their number.

    Bytes that come again meanwhile are safe: whoever finds them stored already takes the same lock (hold_bytes).
    """
    removed = 0
    for folder in KEPT_IN:
        async for keys in runtime.storage.list_older(folder, older_than_seconds):
            for key in await _without_rows(runtime, keys):
                async with runtime.database.write() as session:
                    await lock_content(session, _content_of(key))
                    if not await is_used(session, key, _content_of(key)):
                        await runtime.storage.remove(key)
                        removed += 1
    return removed


async def _without_rows(runtime: Runtime, keys: list[str]) -> set[str]:
    """Those of the objects that no row refers to, in three questions for all of them."""
    left = set(keys)
    async with runtime.database.read() as session:
        contents = {_content_of(key) for key in left}
        for table in (EvidenceFile, EvidenceDerivative, IntakeDelivery):
            used = select(table.storage_key).where(table.sha256.in_(contents))
            left -= set((await session.execute(used)).scalars())
    return left


def _content_of(key: str) -> str:
    """The hash of an object's content, which its key ends with."""
    return "sha-256:" + PurePosixPath(key).stem


async def is_used(session: AsyncSession, key: str, sha256: str) -> bool:
    """Whether a row refers to the object, found by the hash of its content."""
    for table in (EvidenceFile, EvidenceDerivative, IntakeDelivery):
        wanted = select(table.storage_key).where(table.sha256 == sha256, table.storage_key == key)
        if (await session.execute(wanted.limit(1))).first() is not None:
            return True
    return False
