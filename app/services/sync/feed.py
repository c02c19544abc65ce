"""Reading the change feed for one collection: which of its documents changed between two positions.

The change log holds pointers only. A collection says by SQL which change means which document; rows are found by region, so
what happens elsewhere costs nothing, and a long absence is read in windows, so a page costs what it holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

FIRST_WINDOW = 5_000
"""Positions looked through at first; where nothing is found, the next window is wider."""
WIDER = 4
LAST_ID = UUID(int=2**128 - 1)

_WINDOW = "c.position > :low AND c.position <= :high"


def by_region(kind: str, document: str = "c.object_id", join: str = "", only: str = "true") -> str:
    """Changes of the regions held, or that were theirs before; and of what assignments name, where that lies."""
    chosen = f"SELECT c.position, {document} AS id FROM changes c {join} WHERE c.kind = '{kind}' AND {only} AND {_WINDOW}"
    return (
        f"{chosen} AND c.region_id = ANY(CAST(:watched AS uuid[])) "
        f"AND (c.region_id = ANY(CAST(:held AS uuid[])) OR {document} = ANY(CAST(:named AS uuid[]))) "
        f"UNION ALL {chosen} AND c.previous_region_id = ANY(CAST(:held AS uuid[])) "
        "AND c.previous_region_id IS DISTINCT FROM c.region_id"
    )


def by_assignment(document: str, join: str = "") -> str:
    """Changes of the caller's own assignments, as the documents that they name."""
    return (
        f"SELECT c.position, {document} AS id FROM changes c JOIN assignments a ON a.id = c.object_id "
        f"JOIN assignment_members m ON m.assignment_id = a.id AND m.user_id = :user_id {join} "
        f"WHERE c.kind = 'assignment' AND c.region_id = ANY(CAST(:assigned_regions AS uuid[])) AND {_WINDOW}"
    )


def by_kind(kind: str, document: str = "c.object_id", join: str = "", only: str = "true") -> str:
    """Changes of a kind wherever they are, for kinds of which there are few."""
    return f"SELECT c.position, {document} AS id FROM changes c {join} WHERE c.kind = '{kind}' AND {only} AND {_WINDOW}"


@dataclass(frozen=True, slots=True)
class Told:
    """A place in the feed: all documents of changes up to `position`; of that one itself, those up to `document` (None: all)."""

    position: int
    document: UUID | None = None


async def changed_documents(
    session: AsyncSession,
    sources: Sequence[str],
    values: Mapping[str, Any],
    after: Told,
    until: int,
    count: int,
) -> list[Told]:
    """Up to `count` documents that changed after a place and not after position `until`, in the feed's order.

    A document may come more than once. Fewer than `count` means that `until` is reached.
    """
    statement = text(
        f"SELECT position, id FROM ({' UNION ALL '.join(sources)}) found "
        "WHERE (position, id) > (:from_position, CAST(:from_document AS uuid)) ORDER BY position, id LIMIT :count"
    )
    low = after.position - (after.document is not None)
    given = {**values, "from_position": after.position, "from_document": after.document or LAST_ID}
    found: list[Told] = []
    window = FIRST_WINDOW
    while low < until and len(found) < count:
        high = min(until, low + window)
        bounds = {"low": low, "high": high, "count": count - len(found)}
        found += [Told(*row) for row in await session.execute(statement, {**given, **bounds})]
        low, window = high, window * WIDER
    return found
