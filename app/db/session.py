"""The unit of work: one request or one job attempt is one transaction, and this file holds the only commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker


class OnceSession(AsyncSession):
    """Reads as often as it likes, then writes once: that statement is its own transaction, and nothing may follow it."""

    _is_spent = False

    def spend(self) -> None:
        """The one writing statement has been sent."""
        self._is_spent = True

    async def connection(self, *args: Any, **options: Any) -> AsyncConnection:
        """The connection, as long as nothing was written."""
        self._refuse_if_spent()
        return await super().connection(*args, **options)

    async def execute(self, statement: Any, *args: Any, **options: Any) -> Any:
        """A SELECT, as long as nothing was written."""
        self._refuse_if_writing(statement)
        return await super().execute(statement, *args, **options)

    async def scalar(self, statement: Any, *args: Any, **options: Any) -> Any:
        """The one value of a SELECT, as long as nothing was written."""
        self._refuse_if_writing(statement)
        return await super().scalar(statement, *args, **options)

    async def scalars(self, statement: Any, *args: Any, **options: Any) -> Any:
        """The values of a SELECT, as long as nothing was written."""
        self._refuse_if_writing(statement)
        return await super().scalars(statement, *args, **options)

    async def stream(self, *_: Any, **__: Any) -> Any:
        """Refused: a stream would still be read when something is written."""
        raise RuntimeError("a unit that writes once streams nothing")

    async def flush(self, *args: Any, **options: Any) -> None:
        """Nothing may wait to be written: it would be a second transaction."""
        if self.new or self.dirty or self.deleted:
            raise RuntimeError("a unit that writes once writes by insert_rows alone")

    def _refuse_if_writing(self, statement: Any) -> None:
        self._refuse_if_spent()
        if not isinstance(statement, Select):
            raise RuntimeError("a unit that writes once writes by insert_rows alone")

    def _refuse_if_spent(self) -> None:
        if self._is_spent:
            raise RuntimeError("a unit that writes once has written")


class Database:
    """Opens units of work on one engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.info: dict[str, Any] = {}
        """Travels with every session as `session.info`; the runtime puts itself here for reactions to events."""
        self._sessions = async_sessionmaker(engine, expire_on_commit=False, info=self.info)
        self._autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._once = async_sessionmaker(
            self._autocommit, expire_on_commit=False, info=self.info, class_=OnceSession
        )

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A session that commits when the block ends well and rolls back when it raises."""
        async with self._sessions() as session, session.begin():
            yield session

    @asynccontextmanager
    async def write_once(self) -> AsyncIterator[OnceSession]:
        """A session for a unit of one writing statement: two round trips less than write(), and no lock but the statement's."""
        async with self._once() as session:
            yield session
            await session.flush()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session whose transaction PostgreSQL itself keeps from writing."""
        async with self._sessions() as session:
            await session.connection(execution_options={"postgresql_readonly": True})
            yield session

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncSession]:
        """A read-only session in which every statement sees the same moment: for checks over many tables or pages."""
        async with self._sessions() as session:
            options = {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
            await session.connection(execution_options=options)
            yield session

    @asynccontextmanager
    async def single_statement(self) -> AsyncIterator[AsyncConnection]:
        """A connection on which each statement is its own transaction: one round trip for a hot path."""
        async with self._autocommit.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Give every connection back."""
        await self.engine.dispose()


async def driver_connection(session: AsyncSession) -> Any:
    """The psycopg connection under a session, with its transaction begun (jobs are deferred on it)."""
    connection = await session.connection()
    raw = await connection.get_raw_connection()
    return raw.driver_connection
