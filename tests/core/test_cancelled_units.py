"""A unit of work that is cut off at whatever instant gives its connection back, and in the mode in which it got it."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import psycopg
import pytest
from psycopg import waiting
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from app.db.engine import SettledConnection, make_engine, psycopg_url
from app.db.session import Database

INSTANTS = 40
"""Turns of the event loop after which it is cut off: more than a unit takes when nobody else is there."""


@pytest.fixture(autouse=True)
def impatient_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """psycopg lets others have the loop wherever it may, as it does on a busy machine."""
    monkeypatch.setattr(waiting, "MAX_BUSY_TIME", 0.0)


Unit = Callable[[], AbstractAsyncContextManager[Any]]


async def cut_off(unit: Unit, turns: int) -> None:
    """As the answer to a client that hangs up is: at every await, and again at the next one."""

    async def work() -> None:
        async with unit() as session:
            await session.execute(select(1))

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        for _ in range(turns):
            await asyncio.sleep(0)
        group.cancel_scope.cancel()


async def modes(engine: AsyncEngine) -> tuple[bool, psycopg.IsolationLevel, bool]:
    """Of the pool's connection, as the next unit finds it: autocommit, isolation level, read only."""
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driver, psycopg.AsyncConnection)
        level = driver.isolation_level or psycopg.IsolationLevel.READ_COMMITTED
        return driver.autocommit, level, bool(driver.read_only)


@pytest.mark.parametrize("name", ["single_statement", "read", "snapshot", "write", "write_once"])
def test_a_unit_that_is_cut_off_gives_its_connection_back_as_it_was(database_address: str, name: str) -> None:
    async def story() -> None:
        database = Database(make_engine(psycopg_url(database_address), pool_size=1, overflow=0))
        pool: Any = database.engine.pool
        try:
            fresh = await modes(database.engine)
            for turns in range(INSTANTS):
                await cut_off(getattr(database, name), turns)
                assert pool.checkedout() == 0, f"cut off after {turns} turns"
                assert await modes(database.engine) == fresh, f"cut off after {turns} turns"
        finally:
            await database.close()

    asyncio.run(story())


def test_modes_of_a_connection_that_somebody_else_uses_are_not_changed(database_address: str) -> None:
    """It would have to wait, and in the middle of that it could be cut off."""

    async def story() -> None:
        async with await SettledConnection.connect(database_address) as connection, connection.lock:
            with pytest.raises(RuntimeError, match="somebody else"):
                await connection.set_autocommit(True)

    asyncio.run(story())
