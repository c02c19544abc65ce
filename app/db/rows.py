"""Writing the rows of several tables in one statement: one round trip for the whole write set of a hot path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from sqlalchemy import Column, Table, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import Base

Rows = tuple[type[Base], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Computed:
    """Rows of which PostgreSQL computes some columns, from `given` (the row as it came) and the parts named in `joined`."""

    model: type[Base]
    rows: Sequence[Mapping[str, Any]]
    columns: tuple[tuple[str, str], ...]
    joined: str


@dataclass(frozen=True, slots=True)
class Part:
    """A change of another kind in the same statement: a CTE's name, its SQL, and its named values (unique in the statement)."""

    name: str
    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)


async def insert_rows(session: AsyncSession, *sets: Rows | Computed | Part, answer: str = "1") -> Any:
    """Write every set, rows with the models' own defaults; all or nothing, foreign keys among them included.

    Returns the value of `answer`, an SQL expression over the parts.

    Values travel as JSON and become columns in PostgreSQL (jsonb_populate_recordset), so the statement is the same text for
    any number of rows. Bytes travel as hexadecimal. Every part sees the tables as they were before the statement.
    """
    shapes: list[tuple[Any, ...]] = []
    values: dict[str, Any] = {}
    for number, one in enumerate(sets):
        if isinstance(one, Part):
            shapes.append((one.name, one.sql))
            values |= one.values
            continue
        model, rows, computed = (
            (one.model, one.rows, (one.columns, one.joined)) if isinstance(one, Computed) else (*one, None)
        )
        if rows:
            shapes.append((number, model, computed))
            values[f"rows_{number}"] = [_whole(model, row) for row in rows]
    if not shapes:
        return None
    return (await session.execute(_statement(tuple(shapes), answer), values)).scalar_one()


@cache
def _statement(shapes: tuple[tuple[Any, ...], ...], answer: str) -> Any:
    parts, binds = [], []
    for shape in shapes:
        if isinstance(shape[0], str):
            parts.append(f"{shape[0]} AS ({shape[1]})")
        else:
            number, model, computed = shape
            parts.append(f"part_{number} AS ({_insert(number, model, computed)})")
            binds.append(bindparam(f"rows_{number}", type_=JSONB))
    return text(f"WITH {', '.join(parts)} SELECT {answer}").bindparams(*binds)


def _insert(number: int, model: type[Base], computed: tuple[tuple[tuple[str, str], ...], str] | None) -> str:
    table = cast(Table, model.__table__)
    names = [column.name for column in _columns(table)]
    columns, joined = computed or ((), "")
    expressions = {name: f'given."{name}"' for name in names} | dict(columns)
    quoted = ", ".join(f'"{name}"' for name in names)
    source = f"jsonb_populate_recordset(NULL::{table.name}, :rows_{number}) AS given"
    beside = f" CROSS JOIN {joined}" if joined else ""
    return (
        f"INSERT INTO {table.name} ({quoted}) SELECT {', '.join(expressions.values())} FROM {source}{beside}"
    )


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
