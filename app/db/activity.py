"""How busy the database is, for /metrics: this process's pool, and what all processes together left open or waiting."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import QueuePool

from app.db.session import Database

_OLDEST = text(
    """
    SELECT coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)::float8 FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    """
)
_WAITING = text(
    """
    SELECT (SELECT count(*) FROM (SELECT 1 FROM changes WHERE position IS NULL LIMIT 100000) AS few) AS changes,
           (SELECT count(*) FROM (SELECT 1 FROM unsealed_entries LIMIT 100000) AS few) AS audit_entries,
           (SELECT count(*) FROM (SELECT 1 FROM package_intakes WHERE status = 'received' LIMIT 100000) AS few) AS packages
    """
)
_CONNECTIONS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")


@dataclass(frozen=True, slots=True)
class PoolState:
    """Connections of this process: in use, and open but idle."""

    in_use: int
    idle: int


def pool_state(database: Database) -> PoolState:
    """The pool as it is now; asks nothing of the database."""
    pool = database.engine.pool
    assert isinstance(pool, QueuePool)
    return PoolState(pool.checkedout(), pool.checkedin())


async def oldest_transaction_seconds(connection: AsyncConnection) -> float:
    """The age of the oldest open transaction of any process on this database, in seconds; 0 when none is open."""
    age = (await connection.execute(_OLDEST)).scalar_one()
    assert isinstance(age, float)
    return age


async def count_connections(connection: AsyncConnection) -> int:
    """Connections to this database, of all processes."""
    number = (await connection.execute(_CONNECTIONS)).scalar_one()
    assert isinstance(number, int)
    return number


async def count_waiting(connection: AsyncConnection) -> dict[str, int]:
    """Changes without a position, audit entries without a seal, packages received but not processed; each at most 100,000."""
    return dict((await connection.execute(_WAITING)).mappings().one())
