"""What the tallies tell apart, as data, and the SQL that reads them exactly: see docs/adr/0022-counters-are-folded.md.

services/hazards/folding.py writes them; totals.py and mapping.py read them, with what has changed since they were folded beside.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Tally:
    """A table of tallies. `kinds`: what it tells apart, as SQL of a row `c` like those of counted_hazards; `counts`: which."""

    table: str
    kinds: Mapping[str, str]
    counts: str

    @property
    def names(self) -> str:
        """Its columns that tell apart."""
        return ", ".join(self.kinds)

    @property
    def values(self) -> str:
        """The same as SQL of a row `c`."""
        return ", ".join(self.kinds.values())


BY_KIND = Tally(
    "hazard_tallies",
    {
        "region_id": "c.region_id",
        "trades": "c.trades",
        "level": "c.level",
        "clause": "coalesce(c.clause, '')",
        "status": "c.status",
    },
    counts="true",
)
BY_SITE = Tally(
    "hazard_site_tallies",
    {"site_id": "c.site_id", "region_id": "c.region_id", "trades": "c.trades", "level": "c.level"},
    counts="c.status <> 'closed'",
)
"""For the map: what is open, by the site it stands at."""

COUNTED = "hazard_id, enterprise_id, site_id, region_id, trades, level, clause, status, due_on"
"""The columns of counted_hazards, in the order of AS_COUNTED."""
AS_COUNTED = (
    "h.id AS hazard_id, h.enterprise_id, h.site_id, h.region_id, e.regulated_trades AS trades, h.level, h.clause, h.status, "
    "h.due_on"
)
"""The same of a hazard `h` and its enterprise `e`, as they are now."""
_POSITION = text("SELECT position FROM hazard_counting")
_COUNTED_ON = (
    "(SELECT counted_on FROM hazard_counting)"  # a value, not a join: so the index on due_on is used
)


def is_late(row: str, day: str) -> str:
    """The SQL that tells whether a row of hazards or counted_hazards is overdue on a day: workflow.is_overdue."""
    return f"coalesce({row}.status = 'ordered' AND {row}.due_on < {day}, false)"


async def folded_position(session: AsyncSession) -> int:
    """How far the feed is folded: a value of its own in pieces_of, so that PostgreSQL plans for the few changes behind it.

    What is folded between the two statements is read twice and counted once.
    """
    return int((await session.execute(_POSITION)).scalar_one())


def pieces_of(tally: Tally) -> str:
    """The SQL of rows (what is told apart, number, overdue) whose sums are exact today; binds :position and :today.

    The tallies; those that became overdue (or, with the clock set back, no longer are) since the day they count; and each hazard
    touched since, taken from where it was counted and put where it is now. A hazard touched twice or folded meanwhile adds nothing.
    """
    return f"""
    WITH changed AS MATERIALIZED (
        SELECT kind, object_id FROM changes WHERE kind IN ('hazard', 'enterprise') AND position > :position
         UNION ALL
        SELECT kind, object_id FROM changes WHERE position IS NULL AND kind IN ('hazard', 'enterprise')),
    touched AS MATERIALIZED (
        SELECT object_id AS id FROM changed WHERE kind = 'hazard'
         UNION
        SELECT c.hazard_id FROM (SELECT DISTINCT object_id FROM changed WHERE kind = 'enterprise') moved
          JOIN enterprises e ON e.id = moved.object_id
          JOIN counted_hazards c ON c.enterprise_id = e.id AND c.trades <> e.regulated_trades)
    SELECT {tally.names}, number, overdue FROM {tally.table}
     UNION ALL
    SELECT {tally.values}, 0, sign(:today - {_COUNTED_ON})::int FROM counted_hazards c
     WHERE {tally.counts} AND c.status = 'ordered'
       AND c.due_on >= least({_COUNTED_ON}, :today) AND c.due_on < greatest({_COUNTED_ON}, :today)
     UNION ALL
    SELECT {tally.values}, -1, -{is_late("c", ":today")}::int
      FROM touched JOIN counted_hazards c ON c.hazard_id = touched.id WHERE {tally.counts}
     UNION ALL
    SELECT {tally.values}, 1, {is_late("c", ":today")}::int
      FROM (SELECT {AS_COUNTED} FROM touched JOIN hazards h ON h.id = touched.id AND h.merged_into_id IS NULL
              JOIN enterprises e ON e.id = h.enterprise_id) c WHERE {tally.counts}"""
