"""Sealing: about each second the entries that wait are hashed, chained to the seal before and signed.

Never inside a request: a chain head locked at every commit would put the system in single file. What waits stands in
`unsealed_entries`, put there by a trigger in the entry's own transaction, so nothing is searched for and nothing missed.
"""

from sqlalchemy import BigInteger, bindparam, func, insert, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import utc_now
from app.models.history import AuditEntry, AuditSeal, UnsealedEntry
from app.services.audit.chain import GENESIS, Checkpoint, entry_hash, seal_hash, signed_message
from app.services.identity.keys import KeyRing

LOCK = 7_241_004
BATCH = 1_000

_LOCK = text("SELECT pg_try_advisory_xact_lock(:key)")
_IDS = bindparam("ids", type_=ARRAY(BigInteger))
# Asked for by their ids: joined, the whole log would be read up to them.
_ENTRIES = (
    select(*AuditEntry.__table__.columns).where(AuditEntry.id == func.any(_IDS)).order_by(AuditEntry.id)
)
_MOVE = text(
    """
    WITH sealed AS (DELETE FROM unsealed_entries WHERE entry_id = ANY(:ids))
    INSERT INTO sealed_entries (entry_id, seal_number) SELECT unnest(:ids), :number
    """
).bindparams(_IDS)


async def seal_waiting(session: AsyncSession, keys: KeyRing, batch: int = BATCH) -> int:
    """Put one seal over up to `batch` waiting entries; their number, or 0 when none waits or another process is at it."""
    if not (await session.execute(_LOCK, {"key": LOCK})).scalar_one():
        return 0
    waiting = select(UnsealedEntry.entry_id).order_by(UnsealedEntry.entry_id).limit(batch)
    ids = list((await session.execute(waiting)).scalars())
    if not ids:
        return 0
    entries = (await session.execute(_ENTRIES, {"ids": ids})).mappings().all()
    hashes = [entry_hash(dict(entry)) for entry in entries]
    number = await _add_seal(session, keys, ids, hashes)
    await session.execute(_MOVE, {"ids": ids, "number": number})
    return len(ids)


async def _add_seal(session: AsyncSession, keys: KeyRing, ids: list[int], hashes: list[str]) -> int:
    newest = select(AuditSeal.number, AuditSeal.seal_hash).order_by(AuditSeal.number.desc()).limit(1)
    before = (await session.execute(newest)).first()
    number, previous_hash = (before.number + 1, before.seal_hash) if before else (1, GENESIS)
    sealed_at = utc_now()
    digest = seal_hash(number, sealed_at, ids, hashes, previous_hash)
    key_id, signature = keys.sign("audit", signed_message(number, digest))
    await session.execute(
        insert(AuditSeal).values(
            number=number,
            entry_ids=ids,
            entry_hashes=hashes,
            previous_hash=previous_hash,
            seal_hash=digest,
            sealed_at=sealed_at,
            signature=signature,
            key_id=key_id,
        )
    )
    return number


async def find_newest_checkpoint(session: AsyncSession) -> Checkpoint | None:
    """The head of the chain; None before the first seal."""
    newest = (
        select(AuditSeal.number, AuditSeal.seal_hash, AuditSeal.signature, AuditSeal.key_id)
        .order_by(AuditSeal.number.desc())
        .limit(1)
    )
    row = (await session.execute(newest)).first()
    return Checkpoint(*row) if row else None
