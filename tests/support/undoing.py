"""What requests commit, taken back: for asking an object what it would answer, when other tests want it as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.ext.asyncio import AsyncConnection, async_sessionmaker

from app.db.session import Database


@contextmanager
def undone(client: TestClient, database: Database) -> Iterator[None]:
    """While the block runs, all units of work are savepoints of one transaction, which is rolled back at its end."""

    async def begin() -> AsyncConnection:
        connection = await database.engine.connect()
        await connection.begin()
        return connection

    assert client.portal is not None
    connection = client.portal.call(begin)
    inner = async_sessionmaker(
        connection, expire_on_commit=False, info=database.info, join_transaction_mode="create_savepoint"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_sessions", inner)
        patch.setattr(database, "read", database.write)  # what is read must be in the same transaction
        try:
            yield
        finally:
            client.portal.call(connection.close)
