"""Folding the registry into its tallies, behind the writers: see docs/adr/0022-counters-are-folded.md.

Whoever writes a hazard writes a change row anyway. The worker reads those rows by their position and moves each hazard from the
kind it was counted as to the kind it is now. No request waits for this, and none locks a tally.
"""

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.services.hazards.tallies import AS_COUNTED, BY_KIND, BY_SITE, COUNTED, Tally, is_late

BATCH = 5_000

_LOCK = text("SELECT position, counted_on FROM hazard_counting FOR UPDATE SKIP LOCKED")
_LAST_POSITION = text("SELECT last_position FROM change_feed")


def _add_moves(tally: Tally) -> str:
    """The SQL that adds `moves`, rows as of counted_hazards with number and overdue, to a table of tallies."""
    return f"""
    INSERT INTO {tally.table} AS t ({tally.names}, number, overdue)
    SELECT {tally.values}, sum(c.number), sum(c.overdue) FROM moves c WHERE {tally.counts}
     GROUP BY {tally.values} HAVING sum(c.number) <> 0 OR sum(c.overdue) <> 0
        ON CONFLICT ({tally.names}) DO UPDATE SET number = t.number + excluded.number, overdue = t.overdue + excluded.overdue"""


def _folding(moves: str) -> TextClause:
    """The statement that adds `moves` (the end of a WITH) to all tallies."""
    return text(f"{moves}, by_site AS ({_add_moves(BY_SITE)}) {_add_moves(BY_KIND)}")


# A change of an enterprise moves its hazards only where its trades are others than those they were counted under.
_FOLD = _folding(
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
        SELECT {COUNTED} FROM touched JOIN counted_hazards c ON c.hazard_id = touched.id),
    present AS MATERIALIZED (
        SELECT {AS_COUNTED} FROM touched JOIN hazards h ON h.id = touched.id AND h.merged_into_id IS NULL
          JOIN enterprises e ON e.id = h.enterprise_id),
    merged AS (
        DELETE FROM counted_hazards c USING touched, hazards h
         WHERE h.id = touched.id AND h.merged_into_id IS NOT NULL AND c.hazard_id = h.id),
    written AS (
        INSERT INTO counted_hazards AS c ({COUNTED})
        SELECT {COUNTED} FROM present
            ON CONFLICT (hazard_id) DO UPDATE SET enterprise_id = excluded.enterprise_id, site_id = excluded.site_id,
               region_id = excluded.region_id, trades = excluded.trades, level = excluded.level, clause = excluded.clause,
               status = excluded.status, due_on = excluded.due_on),
    moves AS MATERIALIZED (
        SELECT present.*, 1 AS number, {is_late("present", ":counted_on")}::int AS overdue FROM present
         UNION ALL
        SELECT before.*, -1, -{is_late("before", ":counted_on")}::int FROM before)"""
)
_ADVANCE = text("UPDATE hazard_counting SET position = :position, counted_on = :counted_on")
_NEXT_DAY = _folding(
    """
    WITH moves AS MATERIALIZED (
        SELECT c.*, 0 AS number, 1 AS overdue FROM counted_hazards c
         WHERE status = 'ordered' AND due_on >= :counted_on AND due_on < :today)"""
)
_CLEAR = text("TRUNCATE counted_hazards, hazard_tallies, hazard_site_tallies")
_COUNT = text(
    f"""
    INSERT INTO counted_hazards ({COUNTED})
    SELECT {AS_COUNTED} FROM hazards h JOIN enterprises e ON e.id = h.enterprise_id WHERE h.merged_into_id IS NULL
    """
)
_ADD_ALL = _folding(
    f"""
    WITH moves AS (
        SELECT c.*, 1 AS number, {is_late("c", "CAST(:counted_on AS date)")}::int AS overdue FROM counted_hazards c)"""
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
    await session.execute(_CLEAR)
    await session.execute(_COUNT)
    await session.execute(_ADD_ALL, {"counted_on": counted_on})
    await session.execute(_ADVANCE, {"position": position, "counted_on": counted_on})
    number: int = (await session.execute(text("SELECT count(*) FROM counted_hazards"))).scalar_one()
    return number
