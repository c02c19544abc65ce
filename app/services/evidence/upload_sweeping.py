"""Clearing away uploads nobody finished, and parts that never counted because a process died before it could say so."""

from sqlalchemy import select

from app.core.clock import utc_now
from app.models.evidence import EvidenceUpload, EvidenceUploadPart
from app.services.evidence.upload_rows import remove_uploads
from app.services.runtime import Runtime
from app.storage.store import PARTS

BATCH = 100
STRAY_AFTER_SECONDS = 24 * 3600
"""No request appends for so long: an older part that has no row will never get one."""


async def sweep_uploads(runtime: Runtime) -> int:
    """Forget the uploads whose time is over, complete ones too; their room in the quotas is free at once. Gives their number."""
    swept = 0
    while True:
        async with runtime.database.write() as session:
            over = select(EvidenceUpload.id).where(EvidenceUpload.expires_at <= utc_now()).limit(BATCH)
            ids = list((await session.execute(over.with_for_update(skip_locked=True))).scalars())
            keys = await remove_uploads(session, ids)
        for key in keys:
            await runtime.storage.remove(key)
        swept += len(ids)
        if len(ids) < BATCH:
            return swept


async def remove_stray_parts(runtime: Runtime, older_than_seconds: float = STRAY_AFTER_SECONDS) -> int:
    """Remove stored parts that belong to no upload; gives their number."""
    removed = 0
    async for keys in runtime.storage.list_older(PARTS, older_than_seconds):
        async with runtime.database.read() as session:
            wanted = select(EvidenceUploadPart.storage_key).where(EvidenceUploadPart.storage_key.in_(keys))
            known = set((await session.execute(wanted)).scalars())
        for key in set(keys) - known:
            await runtime.storage.remove(key)
            removed += 1
    return removed
