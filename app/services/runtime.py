"""What one process holds while it runs: settings, database, keys, storage. Opened by the app, the worker and the commands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings
from app.db.embedded import EmbeddedPostgres
from app.db.engine import check_server, make_engine, psycopg_url
from app.db.session import Database
from app.services.identity.keys import KeyRing
from app.storage.opening import open_store
from app.storage.store import ObjectStore


@dataclass(frozen=True, slots=True)
class Runtime:
    """The open resources of this process; `address` is the postgresql:// address in use."""

    settings: Settings
    database: Database
    keys: KeyRing
    storage: ObjectStore
    address: str


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """Open everything, refusing an unsafe server; close it in reverse order, whatever happens."""
    embedded = None if settings.database_url else EmbeddedPostgres(settings.data_dir)
    try:
        address = settings.database_url.get_secret_value() if settings.database_url else embedded.start()  # type: ignore[union-attr]
        engine = make_engine(
            psycopg_url(address),
            pool_size=settings.pool_size,
            overflow=settings.pool_overflow,
            prepares=settings.prepared_statements,
        )
        database = Database(engine)
        try:
            await check_server(engine)
            keys, storage = KeyRing(settings.resolved_keys_dir), open_store(settings)
            runtime = Runtime(settings, database, keys, storage, address)
            database.info["runtime"] = runtime
            yield runtime
        finally:
            await database.close()
    finally:
        if embedded is not None:
            embedded.stop()


def runtime_of_session(session: AsyncSession) -> Runtime:
    """The runtime a unit of work belongs to, for reactions that are handed only the session."""
    runtime = session.info["runtime"]
    assert isinstance(runtime, Runtime)
    return runtime
