"""Counters of the registry: the tallies, and what has changed since they were folded, in one statement. Exact at its moment."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.services.hazards.tallies import BY_KIND, folded_position, pieces_of

Dimension = Literal["region", "district", "level", "trade", "clause", "status"]


@dataclass(frozen=True, slots=True)
class TotalsFilter:
    """What is counted; None means all. `region_id` includes everything below it; `trade` is one of the enterprise's."""

    region_id: UUID | None = None
    level: str | None = None
    status: str | None = None
    trade: str | None = None
    clause: str | None = None
    overdue: bool | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """Hazards of one group: all, not closed, overdue. `group` is a region's id, a code or a state; None: without one."""

    group: str | None
    name: str | None
    count: int
    open: int
    overdue: int


_PIECES = f"""
    WITH pieces AS ({pieces_of(BY_KIND)}),
    kept AS (
        SELECT region_id, trades, level, nullif(clause, '') AS clause, status, {{number}} AS number, {{overdue}} AS overdue
          FROM pieces WHERE region_id = ANY(:regions){{conditions}})
"""
_NUMBERS = {
    None: ("number", "overdue"),
    True: ("overdue", "overdue"),
    False: ("number - overdue", "0"),
}
_BELOW = """
 AND region_id IN (SELECT below.id FROM regions top JOIN regions below ON starts_with(below.path, top.path)
                    WHERE top.id = :region_id)"""
# What is kept is summed once, by the column the groups are made of: a few rows, from which the groups and the whole are made.
_COLUMNS: dict[Dimension, str] = {"region": "region_id", "district": "region_id", "trade": "trades"}
_SUMS = "sum(count)::bigint AS count, sum(open)::bigint AS open, sum(overdue)::bigint AS overdue"
_BY_CODE = f"SELECT raw AS key, NULL AS name, {_SUMS} FROM summed GROUP BY 1"
_BY: dict[Dimension, str] = {
    "trade": f"SELECT trade AS key, NULL AS name, {_SUMS} FROM summed LEFT JOIN LATERAL unnest(raw) trade ON true GROUP BY 1",
    "region": f"SELECT r.id::text AS key, r.name, {_SUMS} FROM summed JOIN regions r ON r.id = raw GROUP BY 1, 2",
    "district": f"""
        SELECT r.id::text AS key, r.name, {_SUMS} FROM summed JOIN regions own ON own.id = raw
          JOIN regions r ON r.id = CASE own.level WHEN 'town' THEN own.parent_id ELSE own.id END GROUP BY 1, 2""",
}
_TOTALS = """{pieces},
    summed AS MATERIALIZED (
        SELECT {column} AS raw, sum(number) AS count, coalesce(sum(number) FILTER (WHERE status <> 'closed'), 0) AS open,
               sum(overdue) AS overdue
          FROM kept GROUP BY 1),
    groups AS ({groups})
    SELECT false AS is_whole, key, name, count, open, overdue FROM groups WHERE count <> 0
     UNION ALL
    SELECT true, NULL, NULL, coalesce(sum(count), 0)::bigint, coalesce(sum(open), 0)::bigint, coalesce(sum(overdue), 0)::bigint
      FROM summed
     ORDER BY is_whole, count DESC, key"""


async def totals_by(
    session: AsyncSession, actor: Actor, by: Dimension, narrowed: TotalsFilter
) -> tuple[list[Total], Total]:
    """The groups, the largest first, and the whole; two short statements.

    A hazard of an enterprise of two trades is in the groups of both, and once in the whole.
    """
    pieces, values = await _pieces(session, actor, narrowed)
    query = text(_TOTALS.format(pieces=pieces, column=_COLUMNS.get(by, by), groups=_BY.get(by, _BY_CODE)))
    totals = [Total(*row[1:]) for row in await session.execute(query, values)]
    return totals[:-1], totals[-1]


async def count_by_level_and_state(
    session: AsyncSession, actor: Actor, narrowed: TotalsFilter
) -> list[tuple[str, str, int, int]]:
    """(level, status, number, of these overdue), as list and counts show them."""
    pieces, values = await _pieces(session, actor, narrowed)
    query = text(
        f"{pieces} SELECT level, status, sum(number)::bigint, sum(overdue)::bigint FROM kept GROUP BY 1, 2 "
        "HAVING sum(number) <> 0 ORDER BY 1, 2"
    )
    rows = await session.execute(query, values)
    return [(level, status, number, late) for level, status, number, late in rows]


async def _pieces(session: AsyncSession, actor: Actor, narrowed: TotalsFilter) -> tuple[str, dict[str, Any]]:
    """The beginning of the statement, and its values."""
    values: dict[str, Any] = {
        "position": await folded_position(session),
        "today": shanghai_today(),
        "regions": list(actor.regions_for("hazards:read")),
    }
    conditions = ""
    if narrowed.region_id is not None:
        conditions += _BELOW
        values["region_id"] = narrowed.region_id
    for name in ("level", "status", "clause"):
        if (value := getattr(narrowed, name)) is not None:
            conditions += f" AND {name} = :{name}"
            values[name] = value
    if narrowed.trade is not None:
        conditions += " AND trades @> ARRAY[CAST(:trade AS text)]"
        values["trade"] = narrowed.trade
    number, overdue = _NUMBERS[narrowed.overdue]
    return _PIECES.format(number=number, overdue=overdue, conditions=conditions), values
