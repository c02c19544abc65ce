"""Compare and set: a row changes only while it is still the version its writer read."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import ConflictProblem
from app.db.base import Base

Row = TypeVar("Row", bound=Base)


async def compare_and_set(session: AsyncSession, row: Row, expected: int, **values: Any) -> Row:
    """Set `values` and count the version up; raises ConflictProblem when the row is no longer version `expected`."""
    table: Any = type(row)
    changed = (
        update(table)
        .where(table.id == row.id, table.version == expected)  # type: ignore[attr-defined]
        .values(**values, version=expected + 1)
        .returning(table.id)
        .execution_options(synchronize_session=False)
    )
    if (await session.execute(changed)).scalar_one_or_none() is None:
        raise ConflictProblem
    await session.refresh(row)
    return row


def different(row: Base, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that the row does not have yet."""
    return {name: value for name, value in values.items() if getattr(row, name) != value}
