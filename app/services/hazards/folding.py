"""Folding the registry into its tallies, behind the writers: see docs/adr/0022-counters-are-folded.md.

Whoever writes a hazard writes a change row anyway. The worker reads those rows by their position and moves each hazard from the
kind it was counted as to the kind it is now. No request waits for this, and none locks a tally.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today

BATCH = 5_000

_LOCK = text("SELECT position, counted_on FROM hazard_counting FOR UPDATE SKIP LOCKED")
_LAST_POSITION = text("SELECT last_position FROM change_feed")


def is_late(row: str, day: str) -> str:
    """The SQL that tells whether a row of hazards or counted_hazards is overdue on a day: workflow.is_overdue."""
    return f"coalesce({row}.status = 'ordered' AND {row}.due_on < {day}, false)"


# A change of an enterprise moves its hazards only where its trades are others than those they were counted under.
_FOLD = text(
    f"""
    WITH batch AS MATERIALIZED (
        SELECT kind, object_id FROM changes
         WHERE kind IN ('hazard', 'enterprise') AND position > :position AND position <= :until),
    touched AS MATERIALIZED (
        SELECT object_id AS id FROM batch WHERE kind = 'hazard'
         UNION
        SELECT c.hazard_id FROM batch b JOIN enterprises e ON e.id = b.object_id
          JOIN counted_hazards c ON c.enterprise_id = e.id AND c.trades <> e.regulated_trades
         WHERE b.kind = 'enterprise'),
    before AS MATERIALIZED (
        SELECT c.* FROM touched JOIN counted_hazards c ON c.hazard_id = touched.id),
    present AS MATERIALIZED (
        SELECT h.id, h.enterprise_id, h.region_id, e.regulated_trades AS trades, h.level, h.clause, h.status, h.due_on
          FROM touched JOIN hazards h ON h.id = touched.id AND h.merged_into_id IS NULL
          JOIN enterprises e ON e.id = h.enterprise_id),
    merged AS (
        DELETE FROM counted_hazards c USING touched, hazards h
         WHERE h.id = touched.id AND h.merged_into_id IS NOT NULL AND c.hazard_id = h.id),
    written AS (
        INSERT INTO counted_hazards AS c (hazard_id, enterprise_id, region_id, trades, level, clause, status, due_on)
        SELECT * FROM present
            ON CONFLICT (hazard_id) DO UPDATE SET enterprise_id = excluded.enterprise_id, region_id = excluded.region_id,
               trades = excluded.trades, level = excluded.level, clause = excluded.clause, status = excluded.status,
               due_on = excluded.due_on),
    moves AS (
        SELECT region_id, trades, level, clause, status, 1 AS number, {is_late("present", ":counted_on")}::int AS overdue
          FROM present
         UNION ALL
        SELECT region_id, trades, level, clause, status, -1, -{is_late("before", ":counted_on")}::int FROM before)
    INSERT INTO hazard_tallies AS t (region_id, trades, level, clause, status, number, overdue)
    SELECT region_id, trades, level, coalesce(clause, ''), status, sum(number), sum(overdue) FROM moves
     GROUP BY 1, 2, 3, 4, 5 HAVING sum(number) <> 0 OR sum(overdue) <> 0
        ON CONFLICT (region_id, trades, level, clause, status)
           DO UPDATE SET number = t.number + excluded.number, overdue = t.overdue + excluded.overdue
    """
)
_ADVANCE = text("UPDATE hazard_counting SET position = :position, counted_on = :counted_on")
_NEXT_DAY = text(
    """
    INSERT INTO hazard_tallies AS t (region_id, trades, level, clause, status, number, overdue)
    SELECT region_id, trades, level, coalesce(clause, ''), status, 0, count(*) FROM counted_hazards
     WHERE status = 'ordered' AND due_on >= :counted_on AND due_on < :today GROUP BY 1, 2, 3, 4, 5
        ON CONFLICT (region_id, trades, level, clause, status) DO UPDATE SET overdue = t.overdue + excluded.overdue
    """
)
_RECOUNT = (
    "TRUNCATE counted_hazards, hazard_tallies",
    """
    INSERT INTO counted_hazards (hazard_id, enterprise_id, region_id, trades, level, clause, status, due_on)
    SELECT h.id, h.enterprise_id, h.region_id, e.regulated_trades, h.level, h.clause, h.status, h.due_on
      FROM hazards h JOIN enterprises e ON e.id = h.enterprise_id WHERE h.merged_into_id IS NULL
    """,
    f"""
    INSERT INTO hazard_tallies (region_id, trades, level, clause, status, number, overdue)
    SELECT region_id, trades, level, coalesce(clause, ''), status, count(*),
           count(*) FILTER (WHERE {is_late("c", "CAST(:counted_on AS date)")})
      FROM counted_hazards c GROUP BY 1, 2, 3, 4, 5
    """,
)


async def fold_changes(session: AsyncSession, batch: int = BATCH) -> bool:
    """Bring the tallies up to the next `batch` changes and to today; True when there are more.

    Folders take turns: one that finds another at work does nothing.
    """
    state = (await session.execute(_LOCK)).one_or_none()
    if state is None:
        return False
    last: int = (await session.execute(_LAST_POSITION)).scalar_one()
    until = min(last, state.position + batch)
    today = max(shanghai_today(), state.counted_on)
    if until == state.position and today == state.counted_on:
        return False
    window = {"position": state.position, "until": until, "counted_on": state.counted_on}
    await session.execute(_FOLD, window)
    if today > state.counted_on:
        await session.execute(_NEXT_DAY, {"counted_on": state.counted_on, "today": today})
    await session.execute(_ADVANCE, {"position": until, "counted_on": today})
    return bool(until < last)


async def recount(session: AsyncSession) -> int:
    """Count everything anew, for whoever has written hazards without change rows (by hand, in bulk); gives their number.

    Readers wait meanwhile.
    """
    counted_on = shanghai_today()
    await session.execute(text("SELECT FROM hazard_counting FOR UPDATE"))
    position: int = (await session.execute(_LAST_POSITION)).scalar_one()
    for statement in _RECOUNT:
        wanted = text(statement)
        await session.execute(wanted, {"counted_on": counted_on} if "counted_on" in statement else {})
    await session.execute(_ADVANCE, {"position": position, "counted_on": counted_on})
    number: int = (await session.execute(text("SELECT count(*) FROM counted_hazards"))).scalar_one()
    return number
