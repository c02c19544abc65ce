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
_SERVER = text(
    """
    SELECT format('%s/%s/%s/%s', system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()),
                  (SELECT timeline_id FROM pg_control_checkpoint()), CAST(CAST('change_feed' AS regclass) AS oid)) AS server,
           has_function_privilege('pg_stat_file(text)', 'execute') AS may_look
      FROM pg_control_system()
    """
)
_LAID_DOWN = text("SELECT CAST(extract(epoch FROM change) AS bigint) FROM pg_stat_file('PG_VERSION')")
_KEEP_EPOCH = text(
    """
    UPDATE change_feed SET epoch = CASE WHEN starts_with(:server, server || '/') THEN epoch ELSE :epoch END, server = :server
     WHERE server IS NULL OR NOT starts_with(server || '/', :server || '/') RETURNING epoch = :epoch
    """
)
"""The one name may go on where the other ends: with the time that not every role may look at. Then they are the same server's."""
_RENEW_EPOCH = text("UPDATE change_feed SET epoch = :epoch, server = :server")
_END_EPOCH = text(
    "UPDATE change_feed SET epoch = :epoch WHERE epoch = :seen AND last_position < :position RETURNING 1"
)


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
    """Begin a new epoch if the database is not the one the positions were given on. True when a new epoch began.

    Asked at every start. Another one is: of another cluster, another database of it, or another timeline (restored, copied,
    promoted); the same one with another table (`pg_restore --clean`); and, where the role may look at the server's files, as
    the embedded one may, the same in files that were laid down anew (a data folder put back from a copy: nobody can copy the
    time at which a file came to be where it is; a role that may not look compares the rest). What went back by other ways shows by
    its cursors: see end_epoch.
    """
    values = {"epoch": new_id(), "server": await _server(session)}
    return bool((await session.execute(_KEEP_EPOCH, values)).scalar_one_or_none())


async def end_epoch(session: AsyncSession, seen: UUID, position: int) -> bool:
    """Begin a new epoch for everybody if the feed, in the epoch `seen`, does not reach as far as it has done once.

    True when a new one began; false when another did so meanwhile.
    """
    values = {"epoch": new_id(), "seen": seen, "position": position}
    return (await session.execute(_END_EPOCH, values)).scalar_one_or_none() is not None


async def renew_epoch(session: AsyncSession) -> None:
    """Begin a new epoch whatever the server says."""
    await session.execute(_RENEW_EPOCH, {"epoch": new_id(), "server": await _server(session)})


async def _server(session: AsyncSession) -> str:
    """Names the database by what changes when it is another one."""
    server, may_look = (await session.execute(_SERVER)).one()
    return f"{server}/{(await session.execute(_LAID_DOWN)).scalar_one()}" if may_look else str(server)
