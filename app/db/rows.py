"""Writing the rows of several tables in one statement: one round trip for the whole write set of a hot path."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import Column, LargeBinary, Table, bindparam, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import utc_now
from app.db.base import Base
from app.db.fixed import Fixed
from app.db.session import OnceSession

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

    Returns the value of `answer`, an SQL expression over the parts. Several plain sets of one model become one.

    Values travel as JSON and become columns in PostgreSQL (jsonb_populate_recordset), so the statement is the same text for
    any number of rows. Bytes travel as hexadecimal. Every part sees the tables as they were before the statement.
    """
    now = utc_now()
    shapes: list[tuple[Any, ...]] = []
    values: dict[str, Any] = {}
    plain: dict[type[Base], list[dict[str, Any]]] = {}
    for number, one in enumerate(sets):
        if isinstance(one, Part):
            shapes.append((one.name, one.sql))
            values |= one.values
        elif isinstance(one, Computed):
            shapes.append((f"rows_{number}", one.model, (one.columns, one.joined)))
            values[f"rows_{number}"] = [_whole(one.model, row, now) for row in one.rows]
        elif one[1]:
            if one[0] not in plain:
                shapes.append((f"rows_{number}", one[0], None))
                values[f"rows_{number}"] = plain[one[0]] = []
            plain[one[0]] += [_whole(one[0], row, now) for row in one[1]]
    if not shapes:
        return None
    ((result,),) = await _statement(tuple(shapes), answer).all(session, values)
    if isinstance(session, OnceSession):
        session.spend()
    return result


@cache
def _statement(shapes: tuple[tuple[Any, ...], ...], answer: str) -> Fixed:
    parts, binds = [], []
    for shape in shapes:
        if len(shape) == 2:
            parts.append(f"{shape[0]} AS ({shape[1]})")
        else:
            parts.append(f"insert_{shape[0]} AS ({_insert(*shape)})")
            binds.append(bindparam(shape[0], type_=JSONB))
    return Fixed(text(f"WITH {', '.join(parts)} SELECT {answer}").bindparams(*binds))


def _insert(rows: str, model: type[Base], computed: tuple[tuple[tuple[str, str], ...], str] | None) -> str:
    table = cast(Table, model.__table__)
    names = [_quote(column.name) for column in _columns(table)]
    source = f"jsonb_populate_recordset(NULL::{table.name}, :{rows}) AS given"
    given = names
    if computed is not None:
        expressions = {_quote(name): expression for name, expression in computed[0]}
        given = [expressions.get(name, f"given.{name}") for name in names]
        source += f" CROSS JOIN {computed[1]}"
    return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(given)} FROM {source}"


_quote = postgresql.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]


def _columns(table: Table) -> list[Column[Any]]:
    """What is written: everything but identities and generated columns, which PostgreSQL fills itself."""
    return [column for column in table.columns if column.identity is None and column.computed is None]


def _whole(model: type[Base], row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The row with the model's defaults where it says nothing, every value as JSON can carry it."""
    same, made = _defaults(model)
    whole: dict[str, Any] = {**same, **dict.fromkeys(_moments(model), now), **row}
    for name, default in made:
        if name not in row:
            whole[name] = default(None)
    for name in _binary(model):
        value = whole.get(name)
        if value is not None:
            whole[name] = "\\x" + value.hex()
    return whole


@cache
def _binary(model: type[Base]) -> tuple[str, ...]:
    columns = cast(Table, model.__table__).columns
    return tuple(column.name for column in columns if isinstance(column.type, LargeBinary))


@cache
def _moments(model: type[Base]) -> tuple[str, ...]:
    """The columns whose default is the present: one moment for all rows of a statement."""
    columns = cast(Table, model.__table__).columns
    return tuple(column.name for column in columns if _is_the_present(column.default))


def _is_the_present(default: Any) -> bool:
    return default is not None and default.is_callable and inspect.unwrap(default.arg) is utc_now


@cache
def _defaults(model: type[Base]) -> tuple[dict[str, Any], tuple[tuple[str, Callable[[None], Any]], ...]]:
    """The other defaults: values, and what is made for each row anew."""
    same: dict[str, Any] = {}
    made: dict[str, Callable[[None], Any]] = {}
    for column in cast(Table, model.__table__).columns:
        default: Any = column.default
        if default is None or column.name in _moments(model):
            continue
        if default.is_callable:
            made[column.name] = default.arg
        elif default.is_scalar:
            same[column.name] = default.arg
    return same, tuple(made.items())
