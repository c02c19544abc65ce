"""Comparing and setting the version of a row: the one way in which anything of this area is changed."""

from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import ConflictProblem
from app.models.enterprises import Enterprise, EnterpriseContact, RiskUnit, Site

Row = Enterprise | EnterpriseContact | RiskUnit | Site


async def compare_and_set(session: AsyncSession, row: Row, expected: int, values: dict[str, Any]) -> None:
    """Write `values` and the next version, and so lock the row; raises ConflictProblem when another change came first."""
    table = type(row)
    changed = (
        update(table)
        .where(table.id == row.id, table.version == expected)
        .values(**values, version=expected + 1)
        .returning(table.id)
    )
    if (await session.execute(changed)).scalar_one_or_none() is None:
        raise ConflictProblem
    await session.refresh(row)


def different(row: Row, values: dict[str, Any]) -> dict[str, Any]:
    """Those of the values that the row does not have yet."""
    return {name: value for name, value in values.items() if getattr(row, name) != value}
