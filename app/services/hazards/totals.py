"""Counters of the registry: the tallies, and what has changed since they were folded, in one statement. Exact at its moment."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.services.hazards.folding import is_late

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


_POSITION = text("SELECT position FROM hazard_counting")

_COUNTED_ON = (
    "(SELECT counted_on FROM hazard_counting)"  # a value, not a join: so the index on due_on is used
)

# The tallies; those that became overdue (or, with the clock set back, no longer are) since the day they count; and each hazard
# touched since, taken from where it was counted and put where it is now. A hazard touched twice or folded meanwhile adds nothing.
_PIECES = f"""
    WITH changed AS MATERIALIZED (
        SELECT kind, object_id FROM changes WHERE kind IN ('hazard', 'enterprise') AND position > :position
         UNION ALL
        SELECT kind, object_id FROM changes WHERE position IS NULL AND kind IN ('hazard', 'enterprise')),
    touched AS MATERIALIZED (
        SELECT object_id AS id FROM changed WHERE kind = 'hazard'
         UNION
        SELECT c.hazard_id FROM (SELECT DISTINCT object_id FROM changed WHERE kind = 'enterprise') moved
          JOIN enterprises e ON e.id = moved.object_id
          JOIN counted_hazards c ON c.enterprise_id = e.id AND c.trades <> e.regulated_trades),
    pieces AS (
        SELECT region_id, trades, level, clause, status, number, overdue FROM hazard_tallies
         UNION ALL
        SELECT c.region_id, c.trades, c.level, coalesce(c.clause, ''), c.status, 0, sign(:today - {_COUNTED_ON})::int
          FROM counted_hazards c WHERE c.status = 'ordered'
           AND c.due_on >= least({_COUNTED_ON}, :today) AND c.due_on < greatest({_COUNTED_ON}, :today)
         UNION ALL
        SELECT c.region_id, c.trades, c.level, coalesce(c.clause, ''), c.status, -1, -{is_late("c", ":today")}::int
          FROM touched JOIN counted_hazards c ON c.hazard_id = touched.id
         UNION ALL
        SELECT h.region_id, e.regulated_trades, h.level, coalesce(h.clause, ''), h.status, 1, {is_late("h", ":today")}::int
          FROM touched JOIN hazards h ON h.id = touched.id AND h.merged_into_id IS NULL
          JOIN enterprises e ON e.id = h.enterprise_id),
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
    """The beginning of the statement, and its values.

    The position is a value of its own, so that PostgreSQL plans for the few changes behind it. What is folded between the two
    statements is read twice and counted once.
    """
    values: dict[str, Any] = {
        "position": (await session.execute(_POSITION)).scalar_one(),
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
