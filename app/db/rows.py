"""Inserting the rows of several tables in one statement: one round trip for the whole write set of a hot path."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import Column, Table, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import Base

Rows = tuple[type[Base], Sequence[Mapping[str, Any]]]


async def insert_rows(session: AsyncSession, *sets: Rows) -> None:
    """Insert every row of every set, with the models' own defaults; all or nothing, foreign keys among them included.

    Values travel as JSON and become columns in PostgreSQL (jsonb_populate_recordset), so the statement is the same text for
    any number of rows. Bytes travel as hexadecimal.
    """
    filled = [(model, rows) for model, rows in sets if rows]
    if not filled:
        return
    statement = _statement(tuple(model for model, _ in filled))
    values = {f"rows_{n}": [_whole(model, row) for row in rows] for n, (model, rows) in enumerate(filled)}
    await session.execute(statement, values)


@cache
def _statement(models: tuple[type[Base], ...]) -> Any:
    parts = []
    for number, model in enumerate(models):
        table = cast(Table, model.__table__)
        names = ", ".join(f'"{column.name}"' for column in _columns(table))
        parts.append(
            f"part_{number} AS (INSERT INTO {table.name} ({names}) SELECT {names} "
            f"FROM jsonb_populate_recordset(NULL::{table.name}, :rows_{number}))"
        )
    binds = [bindparam(f"rows_{number}", type_=JSONB) for number in range(len(models))]
    return text(f"WITH {', '.join(parts)} SELECT 1").bindparams(*binds)


def _columns(table: Table) -> list[Column[Any]]:
    """What is written: everything but identities, which PostgreSQL counts itself."""
    return [column for column in table.columns if column.identity is None]


def _whole(model: type[Base], row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the model's defaults where it says nothing, every value as JSON can carry it."""
    defaults = _defaults(model)
    whole = {name: default(None) for name, default in defaults.items() if name not in row}
    whole.update(row)
    for name, value in whole.items():
        if isinstance(value, bytes):
            whole[name] = "\\x" + value.hex()
    return whole


@cache
def _defaults(model: type[Base]) -> dict[str, Any]:
    found = {}
    for column in cast(Table, model.__table__).columns:
        default = column.default
        if default is not None and default.is_callable:
            found[column.name] = default.arg  # type: ignore[attr-defined]
        elif default is not None and default.is_scalar:
            found[column.name] = lambda _, value=default.arg: value  # type: ignore[attr-defined]
    return found
