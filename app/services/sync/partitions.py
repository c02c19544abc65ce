"""Sets of partitions: regions by the roots of their subtrees, anything else by itself.

Regions are never moved nor deleted, and a new one is empty; so the roots say all that a cursor has to remember of a scope.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_ROOTS = text(
    "SELECT id FROM regions WHERE id = ANY(CAST(:ids AS uuid[])) "
    "AND (parent_id IS NULL OR parent_id <> ALL(CAST(:ids AS uuid[])))"
)
_BELOW = text(
    "SELECT b.id FROM regions r JOIN regions b ON b.path ~>=~ r.path AND b.path ~<~ (r.path || '~') "
    "WHERE r.id = ANY(CAST(:ids AS uuid[]))"
)
_SHARED = text(
    "SELECT a.id FROM regions a JOIN regions b ON starts_with(a.path, b.path) "
    "WHERE a.id = ANY(CAST(:one AS uuid[])) AND b.id = ANY(CAST(:other AS uuid[])) "
    "UNION SELECT b.id FROM regions a JOIN regions b ON starts_with(b.path, a.path) "
    "WHERE a.id = ANY(CAST(:one AS uuid[])) AND b.id = ANY(CAST(:other AS uuid[]))"
)


async def roots_of(session: AsyncSession, regions: Collection[UUID]) -> frozenset[UUID]:
    """The tops of the subtrees that a closed set of regions is made of."""
    return await _ids(session, _ROOTS, ids=list(regions)) if regions else frozenset()


async def subtrees_of(session: AsyncSession, roots: Collection[UUID]) -> frozenset[UUID]:
    """The roots and everything below them."""
    return await _ids(session, _BELOW, ids=list(roots)) if roots else frozenset()


async def shared_roots(
    session: AsyncSession, one: Collection[UUID], other: Collection[UUID]
) -> frozenset[UUID]:
    """The roots of what lies in both."""
    return await _ids(session, _SHARED, one=list(one), other=list(other)) if one and other else frozenset()


async def _ids(session: AsyncSession, statement: object, **values: list[UUID]) -> frozenset[UUID]:
    return frozenset((await session.execute(statement, values)).scalars())  # type: ignore[call-overload]
