"""Periods of rows in SQL: `valid_from` and `valid_until` are both included; no `valid_until` means open."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, or_, true

Day = date | SQLColumnExpression[date]
"""A day, or one that is bound when the statement is sent or comes from the query around it."""


def in_force(table: Any, on: Day) -> ColumnElement[bool]:
    """True of rows in force on a day."""
    return and_(table.valid_from <= on, or_(table.valid_until.is_(None), table.valid_until >= on))


def overlapping(table: Any, first: date, last: date | None) -> ColumnElement[bool]:
    """True of rows that share a day with the period."""
    begins = true() if last is None else table.valid_from <= last
    return and_(begins, or_(table.valid_until.is_(None), table.valid_until >= first))
