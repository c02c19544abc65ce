"""A served application in processes of its own on a database of its own, with a city in it: what fault tests shoot at."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings
from app.db.engine import make_engine, psycopg_url
from app.db.session import Database
from app.services.identity.keys import KeyRing
from app.services.runtime import Runtime
from app.storage.local import LocalStore
from tests.factories.world import World
from tests.support.processes import Installation, Served


class Target:
    """The installation, its database, and a client that outlives the processes behind it."""

    def __init__(self, folder: Path, address: str) -> None:
        self.installation = Installation(folder)
        self.installation.environment["ANSHAO_DATABASE_URL"] = address
        self.address = address
        self.data = folder / "data"
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.installation.port}", timeout=30)

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[Served]:
        """Served until the block ends or kills it."""
        with self.installation.serving(*arguments) as served:
            yield served

    def world(self) -> World:
        """A city written straight into the database; its people's tokens are signed with the installation's own keys."""
        settings = Settings(_env_file=None, database_url=self.address, data_dir=self.data)
        keys, storage = KeyRing(settings.resolved_keys_dir), LocalStore(self.data / "objects")
        runtime = Runtime(settings, _database(self.address), keys, storage, self.address)
        return World(self.client, runtime, self.in_database)  # type: ignore[arg-type]  it speaks the same language

    def in_database(self, work: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
        """Run `work(session)` in one committed unit of work, beside the served processes."""

        async def unit() -> Any:
            database = _database(self.address)
            try:
                async with database.write() as session:
                    return await work(session)
            finally:
                await database.close()

        return asyncio.run(unit())

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows as they are committed."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            return connection.execute(statement.encode(), values).fetchall()


def _database(address: str) -> Database:
    """A database object that has no connection yet."""
    return Database(make_engine(psycopg_url(address), pool_size=1, overflow=0))
