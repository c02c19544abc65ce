"""Counting the statements a request sends, so that a list cannot grow a query per row."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import fixed
from app.db.session import Database
from app.services.determinations.holding import READER


def by_itself() -> bool:
    """Whether it is the minute's reading of what is published that asks."""
    task = asyncio.current_task()
    return task is not None and task.get_name() == READER


@contextmanager
def recorded_queries(database: Database) -> Iterator[list[str]]:
    """The SQL statements sent while the block runs, but for what the application reads by itself once a minute."""
    statements: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if not by_itself():
            statements.append(statement)

    def note_fixed(connection: AsyncConnection, statement: str) -> None:
        if connection.engine.pool is database.engine.pool and not by_itself():
            statements.append(statement)

    fixed.listeners.append(note_fixed)
    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        fixed.listeners.remove(note_fixed)
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
