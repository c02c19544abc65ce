"""One row in every table that is still empty, made from what the database itself says of its columns.

Migrations are tried on these rows: a migration that works on empty tables only is the one that fails on the day it matters.
"""

import json
import re
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    func,
    inspect,
    literal,
    select,
    table,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSON
from sqlalchemy.types import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Double,
    Float,
    Integer,
    Numeric,
    SmallInteger,
    Text,
    Uuid,
)

LEFT_ALONE = ("alembic_version", "procrastinate_")
"""Alembic's own, and the queue's, whose tables a library fills through functions of its own."""

BY_COLUMN: dict[tuple[str, str], Any] = {
    ("enterprises", "substitute_mark"): "x",
    ("packages", "kind"): "inspection",
    ("case_parties", "capacity"): "principal",
    ("evidence_files", "package_id"): uuid4(),
    ("evidence_uploads", "received"): 0,
    ("verdicts", "clause_id"): "x",
    ("intake_deliveries", "sealed"): b"x",
    ("intake_deliveries", "signature"): "x",
    ("number_blocks", "void_reason"): None,
    ("clocks", "unknown"): "no_number_set",
    ("hazard_reports", "whistle_id"): uuid4(),
    ("hazard_reports", "suspected_clauses"): ["x"],
}
"""Where a check constraint wants a certain value: (table, column) → value."""

ONE_OF = re.compile(r"\(?(\w+) = ANY \(\(?ARRAY\['([^']+)'")
"""How PostgreSQL shows CHECK (column IN ('first', ...))."""


def row_counts(connection: Connection) -> dict[str, int]:
    """How many rows each table holds."""
    names = [name for name in inspect(connection).get_table_names() if not name.startswith(LEFT_ALONE)]
    counts = [select(literal(name), func.count()).select_from(table(name)) for name in names]
    return {row[0]: row[1] for row in connection.execute(union_all(*counts))} if counts else {}


def fill_empty_tables(connection: Connection) -> None:
    """Give every empty table one row; rows they refer to come first."""
    empty = [name for name, count in row_counts(connection).items() if not count]
    metadata = MetaData()
    metadata.reflect(connection, only=empty)  # and, by itself, the tables that they refer to
    for found in metadata.sorted_tables:
        if found.name in empty and not connection.scalar(select(func.count()).select_from(found)):
            connection.execute(found.insert().values(_row(connection, found)))


def copy_of_the_row(connection: Connection, table: str, **changes: object) -> None:
    """One more row, as one that is there is but for the changes."""
    changed = "(jsonb_populate_record(t, CAST(:changes AS jsonb))).*"
    copied = f"INSERT INTO {table} OVERRIDING USER VALUE SELECT {changed} FROM {table} t LIMIT 1"
    connection.execute(text(copied), {"changes": json.dumps(changes, default=str)})


def _row(connection: Connection, empty: Table) -> dict[str, Any]:
    wanted = [column for column in empty.columns if _must_be_given(column)]
    return {column.name: _value(connection, empty, column) for column in wanted} | _listed(connection, empty)


def _listed(connection: Connection, empty: Table) -> dict[str, Any]:
    """Columns that a check constraint binds to a list, with the first of the list."""
    texts = [constraint["sqltext"] for constraint in inspect(connection).get_check_constraints(empty.name)]
    return {found[1]: found[2] for text in texts if (found := ONE_OF.match(text))}


def _must_be_given(column: "Column[Any]") -> bool:
    if (column.table.name, column.name) in BY_COLUMN:
        return True
    return (
        not column.nullable
        and column.server_default is None
        and column.computed is None
        and not column.identity
    )


def _value(connection: Connection, empty: Table, column: "Column[Any]") -> Any:
    if (empty.name, column.name) in BY_COLUMN:
        return BY_COLUMN[empty.name, column.name]
    for key in column.foreign_keys:
        if key.column.table is not empty:
            return connection.scalar(select(key.column).limit(1))
    return _plain_value(column)


def _plain_value(column: "Column[Any]") -> Any:
    match column.type:
        case Uuid():
            return uuid4()
        case BigInteger() | SmallInteger() | Integer() | Numeric() | Float() | Double():
            return 1
        case Boolean():
            return False
        case DateTime() | Date():
            return func.now()
        case JSON():
            return {}
        case ARRAY():
            return []
        case BYTEA():
            return b"x"
        case Text():
            return "x"
    raise AssertionError(f"say what to put into {column.table.name}.{column.name} ({column.type})")
