"""The change log's relay: the only one that gives committed changes their position, and the feed's epoch.

Readers (phones, webhooks, streams) go by position alone. Sequence numbers and timestamps commit out of order, so a reader
going by them would miss what commits late; here a late change simply gets a later position. No gaps, no repeats.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id

LOCK = 7_241_003
BATCH = 5_000

_LOCK = text("SELECT pg_try_advisory_xact_lock(:key)")
_ASSIGN = text(
    """
    WITH feed AS (SELECT last_position FROM change_feed FOR UPDATE),
         waiting AS (SELECT id FROM changes WHERE position IS NULL ORDER BY id LIMIT :batch),
         numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS step FROM waiting),
         given AS (UPDATE changes SET position = feed.last_position + numbered.step
                     FROM numbered, feed WHERE changes.id = numbered.id RETURNING changes.id),
         counted AS (SELECT count(*) AS how_many FROM given)
    UPDATE change_feed SET last_position = last_position + how_many FROM counted
     WHERE how_many > 0 RETURNING how_many
    """
)
_STATE = text("SELECT epoch, last_position FROM change_feed")
_SERVER = """
    (SELECT format('%s/%s/%s', system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()),
                   (SELECT timeline_id FROM pg_control_checkpoint())) FROM pg_control_system())
"""
_KEEP_EPOCH = text(
    f"UPDATE change_feed SET epoch = :epoch, server = {_SERVER} WHERE server IS DISTINCT FROM {_SERVER} RETURNING 1"
)
_RENEW_EPOCH = text(f"UPDATE change_feed SET epoch = :epoch, server = {_SERVER}")


@dataclass(frozen=True, slots=True)
class FeedState:
    """Where the feed stands: a cursor is (epoch, position); another epoch means starting from the beginning."""

    epoch: UUID
    last_position: int


async def assign_positions(session: AsyncSession, batch: int = BATCH) -> int:
    """Give up to `batch` committed changes their positions, in order; 0 when none waits or another relay is at it."""
    if not (await session.execute(_LOCK, {"key": LOCK})).scalar_one():
        return 0
    return (await session.execute(_ASSIGN, {"batch": batch})).scalar_one_or_none() or 0


async def feed_state(session: AsyncSession) -> FeedState:
    """The feed's epoch and its last position."""
    epoch, last_position = (await session.execute(_STATE)).one()
    return FeedState(epoch, last_position)


async def keep_epoch(session: AsyncSession) -> bool:
    """Begin a new epoch if the database is not the one the positions were given on (restored, copied, promoted).

    Asked at every start. True when a new epoch began. A data folder put back from a file copy looks like the original:
    then `anshao feed renew` does it by hand.
    """
    return (await session.execute(_KEEP_EPOCH, {"epoch": new_id()})).scalar_one_or_none() is not None


async def renew_epoch(session: AsyncSession) -> None:
    """Begin a new epoch whatever the server says."""
    await session.execute(_RENEW_EPOCH, {"epoch": new_id()})
