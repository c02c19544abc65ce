"""The collections as data: which rows belong to one, which changes touch it, who holds what of it."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.enums.sync import SyncCollection
from app.services.sync import documents, naming
from app.services.sync.documents import Documents
from app.services.sync.feed import by_assignment, by_kind, by_region
from app.services.sync.scope import Named, OwnAssignment, Scope

MAX_LIMIT = 1_000
"""Documents of one page."""


class Partition(Enum):
    """By what the rows of a collection are divided among callers."""

    REGION = auto()
    AUTHORITY = auto()
    USER = auto()
    NOTHING = auto()


EVERYBODY = UUID(int=0)
"""The one partition of what is not divided."""

Naming = Callable[[AsyncSession, Sequence[OwnAssignment]], Awaitable[Named]]


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection.

    `belongs`: SQL of which rows of the `table` (as `t`, their id `key`) whoever holds :partitions is given. `changed`: SQL of
    the changes that touch it (see feed.py). `action` is what a caller must be allowed in a region to hold its rows. `named`:
    what assignments add to it. `made`: the documents of ids, without those that the caller does not hold. `most`: documents
    of a page, less where they are big.
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
    most: int = MAX_LIMIT

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of changes that touch it."""
        return frozenset(re.findall(r"c\.kind = '(\w+)'", " ".join(self.changed)))

    def held_by(self, actor: Actor) -> frozenset[UUID]:
        """The partitions whose rows the actor holds today, expanded."""
        if self.partition is Partition.REGION:
            return actor.regions_for(self.action)
        owner = {
            Partition.AUTHORITY: actor.authority_id,
            Partition.USER: actor.user_id,
            Partition.NOTHING: EVERYBODY,
        }[self.partition]
        assert owner is not None
        return frozenset({owner})


_PHOTOGRAPHED = (
    "JOIN evidence_declarations d ON d.id = c.object_id JOIN packages p ON p.id = d.package_id "
    "JOIN hazards t ON t.visit_id = p.visit_id AND c.object_id = ANY(t.evidence_ids) "
    "CROSS JOIN LATERAL (WITH RECURSIVE up AS (SELECT t.id, t.merged_into_id UNION "
    "SELECT h.id, h.merged_into_id FROM up JOIN hazards h ON h.id = up.merged_into_id) SELECT up.id FROM up) shown"
)  # a merged hazard's photographs are shown with the one that stays
_FROM_A_DESK = "JOIN evidence_files f ON f.id = c.object_id AND f.hazard_id IS NOT NULL"
_OF_AUTHORITY = "t.authority_id = ANY(CAST(:partitions AS uuid[])) AND t.is_active"
_OWN_PEOPLE = "u.authority_id = ANY(CAST(:held AS uuid[])) OR u.id = ANY(CAST(:named AS uuid[]))"
# Whoever leaves an authority was in the regions around its seat, before or after: all that the log tells of where he was.
_NEAR_THE_SEAT = """
    EXISTS (SELECT FROM authorities o JOIN regions seat ON seat.id = o.region_id
              JOIN regions place ON starts_with(place.path, seat.path)
             WHERE o.id = ANY(CAST(:held AS uuid[])) AND place.id IN (c.region_id, c.previous_region_id))
"""

COLLECTIONS: Mapping[str, Collection] = {
    one.name: one
    for one in (
        Collection(
            SyncCollection.ASSIGNMENTS,
            "assignments",
            belongs="false",  # but for those that are named
            changed=(by_assignment("a.id"),),
            named=naming.named_assignments,
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
            named=naming.named_sites,
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
            named=naming.named_enterprises,
            made=documents.enterprises,
            action="enterprises:read",
        ),
        Collection(
            SyncCollection.HAZARDS,
            "hazards",
            belongs="t.region_id = ANY(CAST(:partitions AS uuid[])) AND t.status <> 'closed' AND t.merged_into_id IS NULL",
            changed=(
                by_region("hazard"),
                by_region("evidence", "shown.id", _PHOTOGRAPHED),
                by_region("evidence", "f.hazard_id", _FROM_A_DESK),
                by_assignment("h.id", "CROSS JOIN unnest(a.hazard_ids) AS h(id)"),
            ),
            named=naming.named_hazards,
            made=documents.hazards,
            action="hazards:read",
        ),
        Collection(
            SyncCollection.CHECKLISTS,
            "template_versions",
            belongs="t.status <> 'draft'",
            changed=(
                by_kind(
                    "checklist", join="JOIN template_versions t ON t.id = c.object_id AND t.status <> 'draft'"
                ),
            ),
            named=naming.nothing_named,
            made=documents.checklists,
            partition=Partition.NOTHING,
        ),
        Collection(
            SyncCollection.ROSTERS,
            "users",
            belongs=_OF_AUTHORITY,
            changed=(
                by_kind(
                    "user",
                    join="JOIN users u ON u.id = c.object_id",
                    only=f"({_OWN_PEOPLE} OR {_NEAR_THE_SEAT})",
                ),
                by_kind(
                    "certificate",
                    "u.id",
                    "JOIN officer_certificates k ON k.id = c.object_id JOIN users u ON u.id = k.user_id",
                    f"({_OWN_PEOPLE})",
                ),
                by_assignment("o.user_id", "JOIN assignment_members o ON o.assignment_id = a.id"),
            ),
            named=naming.named_members,
            made=documents.rosters,
            partition=Partition.AUTHORITY,
        ),
        Collection(
            SyncCollection.BRIGADES,
            "brigades",
            belongs=_OF_AUTHORITY,
            changed=(
                by_kind(
                    "brigade",
                    join="JOIN brigades t ON t.id = c.object_id",
                    only="t.authority_id = ANY(CAST(:held AS uuid[]))",
                ),
            ),
            named=naming.nothing_named,
            made=documents.brigades,
            partition=Partition.AUTHORITY,
        ),
        Collection(
            SyncCollection.PACKAGES,
            "package_intakes",
            belongs="t.user_id = ANY(CAST(:partitions AS uuid[]))",
            changed=tuple(
                by_kind(
                    kind,
                    join="JOIN package_intakes t ON t.package_id = c.object_id",
                    only="t.user_id = ANY(CAST(:held AS uuid[]))",
                )
                for kind in ("package", "package_intake")
            ),
            named=naming.nothing_named,
            made=documents.packages,
            partition=Partition.USER,
            key="t.package_id",
            most=50,
        ),
    )
}
