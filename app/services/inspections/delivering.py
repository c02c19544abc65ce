"""What a phone sends until it holds a receipt: the answer that completes a package carries it, so that nobody need ask."""

from collections.abc import AsyncIterator

from app.core.actor import Actor
from app.schemas.evidence import EvidenceStored
from app.services.evidence.service import Announcement, take_original
from app.services.inspections.receipts import find_receipt
from app.services.runtime import Runtime
from app.storage.store import Buffer


async def deliver_file(
    runtime: Runtime, actor: Actor, announced: Announcement, pieces: AsyncIterator[Buffer]
) -> tuple[EvidenceStored, bool]:
    """Store a phone's file, and whether it is new; with the receipt when its package misses no file any more.

    Raises what take_original raises.
    """
    kept, stored = await take_original(runtime, actor, announced, pieces)
    receipt = None
    if stored.is_complete:
        async with runtime.database.single_statement() as connection:
            receipt = await find_receipt(connection, announced.package_id)
    answer = EvidenceStored(
        id=announced.id, status=stored.status, hash=kept.sha256, size=kept.size,
        signed_receipt=receipt.decode() if receipt else None,
    )  # fmt: skip
    return answer, stored.is_new
