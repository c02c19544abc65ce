"""The collections as data: which rows belong to one, which changes touch it, who holds what of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.enums.sync import SyncCollection
from app.services.sync import documents
from app.services.sync.documents import Documents
from app.services.sync.feed import by_assignment, by_region
from app.services.sync.scope import Named, OwnAssignment, Scope


class Partition(Enum):
    """By what the rows of a collection are divided among callers."""

    REGION = auto()
    USER = auto()


Naming = Callable[[AsyncSession, Sequence[OwnAssignment]], Awaitable[Named]]


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection.

    `belongs`: SQL of which rows of the `table` (as `t`, their id `key`) whoever holds :partitions is given. `changed`: SQL of
    the changes that touch it (see feed.py). `action` is what a caller must be allowed in a region to hold its rows. `named`:
    what assignments add to it. `made`: the documents of ids, without those that the caller does not hold.
    """

    name: SyncCollection
    table: str
    belongs: str
    changed: tuple[str, ...]
    named: Naming
    made: Callable[[AsyncSession, Scope, Named, Sequence[UUID]], Awaitable[Documents]]
    partition: Partition = Partition.REGION
    action: str = ""
    key: str = "t.id"

    def held_by(self, actor: Actor) -> frozenset[UUID]:
        """The partitions whose rows the actor holds today, expanded."""
        if self.partition is Partition.REGION:
            return actor.regions_for(self.action)
        assert actor.user_id is not None
        return frozenset({actor.user_id})


async def _named_assignments(_: AsyncSession, own: Sequence[OwnAssignment]) -> Named:
    return Named.of((one.id, one.is_live, one.region_id) for one in own)


_SITES = text("SELECT id, region_id FROM sites WHERE id = ANY(CAST(:ids AS uuid[]))")
_ENTERPRISES = text(
    """
    SELECT s.id AS site_id, s.region_id AS site_region, e.id, e.region_id
      FROM sites s JOIN enterprises e
        ON e.id = s.enterprise_id OR e.id IN (SELECT enterprise_id FROM site_links WHERE site_id = s.id)
     WHERE s.id = ANY(CAST(:ids AS uuid[]))
    """
)


async def _named_sites(session: AsyncSession, own: Sequence[OwnAssignment]) -> Named:
    live = {one.site_id for one in own if one.is_live}
    found = await session.execute(_SITES, {"ids": [one.site_id for one in own]})
    return Named.of((row.id, row.id in live, row.region_id) for row in found)


async def _named_enterprises(session: AsyncSession, own: Sequence[OwnAssignment]) -> Named:
    """The site's own, and those that operate or let it."""
    live = {one.site_id for one in own if one.is_live}
    found = (await session.execute(_ENTERPRISES, {"ids": [one.site_id for one in own]})).all()
    named = Named.of((row.id, row.site_id in live, row.region_id) for row in found)
    return Named(named.all, named.live, named.regions | {row.site_region for row in found})


COLLECTIONS: Mapping[str, Collection] = {
    one.name: one
    for one in (
        Collection(
            SyncCollection.ASSIGNMENTS,
            "assignments",
            belongs="false",  # but for those that are named
            changed=(by_assignment("a.id"),),
            named=_named_assignments,
            made=documents.assignments,
            partition=Partition.USER,
        ),
        Collection(
            SyncCollection.SITES,
            "sites",
            belongs="t.region_id = ANY(CAST(:partitions AS uuid[])) AND t.is_active",
            changed=(
                by_region("site"),
                by_region("risk_unit", "t.site_id", "JOIN risk_units t ON t.id = c.object_id"),
                by_assignment("a.site_id"),
            ),
            named=_named_sites,
            made=documents.sites,
            action="enterprises:read",
        ),
        Collection(
            SyncCollection.ENTERPRISES,
            "enterprises",
            belongs="t.region_id = ANY(CAST(:partitions AS uuid[])) AND t.is_active",
            changed=(
                by_region("enterprise"),
                by_region(
                    "site",
                    "l.enterprise_id",
                    "JOIN site_links l ON l.site_id = c.object_id",
                    "l.enterprise_id = ANY(CAST(:named AS uuid[]))",
                ),
                by_assignment("a.enterprise_id"),
                by_assignment("l.enterprise_id", "JOIN site_links l ON l.site_id = a.site_id"),
            ),
            named=_named_enterprises,
            made=documents.enterprises,
            action="enterprises:read",
        ),
    )
}
