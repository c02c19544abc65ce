"""Statements of a hot path whose text never changes: compiled once and handed to the driver as they are.

See docs/adr/0025-hot-statements-go-to-the-driver.md. Everything else goes through SQLAlchemy as usual.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from functools import cached_property
from typing import Any

import orjson
import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.types import JSON

_DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]

listeners: list[Callable[[AsyncConnection, str], None]] = []
"""Told of each statement before it is sent, as listeners of SQLAlchemy's before_cursor_execute are of all others."""


class Fixed:
    """One statement with named values: SQLAlchemy's pool and transaction, PostgreSQL's own placeholders, psycopg's own types.

    Values of the type JSON are written by this class; UUIDs, dates, bytes, lists and text travel as psycopg carries them.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement

    @property
    def text(self) -> str:
        """What is sent, with PostgreSQL's own placeholders."""
        return self._compiled[0].decode()

    async def all(
        self, connection: AsyncConnection | AsyncSession, values: Mapping[str, Any]
    ) -> Sequence[Any]:
        """Every row, as named tuples. Raises DBAPIError (or its subclass) as SQLAlchemy's own execution does."""
        if isinstance(connection, AsyncSession):
            await connection.flush()
            connection = await connection.connection()
        for listener in listeners:
            listener(connection, self.text)
        sync = connection.sync_connection
        assert sync is not None
        if (
            sync.invalidated
        ):  # it would be replaced by one that is in no transaction, or in one nobody commits
            raise PendingRollbackError("the connection of this unit of work was lost")
        driver = sync.connection.driver_connection
        assert isinstance(driver, psycopg.AsyncConnection)
        try:
            return await self._fetch(driver, values)
        except BaseException as error:
            if driver.closed:
                await _give_up(connection)
            if isinstance(error, psycopg.Error):
                raise DBAPIError.instance(
                    self.text,
                    None,
                    error,
                    psycopg.Error,
                    hide_parameters=True,
                    connection_invalidated=driver.closed,
                ) from error
            raise

    async def _fetch(self, driver: psycopg.AsyncConnection[Any], values: Mapping[str, Any]) -> Sequence[Any]:
        text, names, own = self._compiled
        given = {**own, **values}
        cursor = psycopg.AsyncRawCursor(driver, row_factory=namedtuple_row)
        await cursor.execute(text, [_plain(given[name], is_json) for name, is_json in names])
        return await cursor.fetchall()

    @cached_property
    def _compiled(self) -> tuple[bytes, tuple[tuple[str, bool], ...], dict[str, Any]]:
        """The text; the values' names in its order, and whether each travels as JSON; the values that are its own."""
        compiled: Any = self._statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined]
        asked = {name: bind for name, bind in compiled.binds.items() if bind.required}
        state = compiled.construct_expanded_state(dict.fromkeys(asked))
        names = tuple(
            (name, name in asked and isinstance(asked[name].type, JSON)) for name in state.positiontup
        )
        own = {name: value for name, value in state.parameters.items() if name not in asked}
        return state.statement.encode(), names, own


async def _give_up(connection: AsyncConnection) -> None:
    """Let SQLAlchemy meet the lost connection itself: it then trusts none of the pool that is as old."""
    with suppress(DBAPIError):
        await connection.exec_driver_sql("SELECT 1")


def _plain(value: Any, is_json: bool) -> Any:
    if is_json:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    return value.value if isinstance(value, Enum) else value
