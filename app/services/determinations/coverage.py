"""Which clauses the checklists speak of, by which items, and which items say nothing to any clause. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.rules.ruleset import Ruleset
from app.schemas.checklist_content import Checklist
from app.services.checklists.content import placed_items


@dataclass(frozen=True, slots=True)
class ClauseCoverage:
    """A clause: by fact, the items ("checklist/code") that state it. Facts nobody states are asked by the question set."""

    clause_id: str
    items_by_fact: Mapping[str, tuple[str, ...]]

    @property
    def is_fed(self) -> bool:
        """At least one item states a fact of it."""
        return any(self.items_by_fact.values())

    @property
    def is_complete(self) -> bool:
        """Every fact of it is stated by some item."""
        return all(self.items_by_fact.values())


@dataclass(frozen=True, slots=True)
class Coverage:
    """Every clause in the order of the law, and the items that state no fact of any clause."""

    clauses: Sequence[ClauseCoverage]
    idle_items: Sequence[str]


def cover(ruleset: Ruleset, checklists: Iterable[Checklist]) -> Coverage:
    """What these checklists tell of a rule set."""
    stated: dict[str, list[str]] = {}
    idle: list[str] = []
    known = {key for clause in ruleset.clauses.values() for key in clause.keys}
    for checklist in checklists:
        for placed in placed_items(checklist):
            name = f"{checklist.code}/{placed.item.code}"
            keys = {fact.key for fact in placed.item.facts} & known
            for key in keys:
                stated.setdefault(key, []).append(name)
            if not keys:
                idle.append(name)
    clauses = [
        ClauseCoverage(
            clause.id,
            {
                one.key: tuple(dict.fromkeys(stated.get(one.key, ())))
                for one in clause.facts.values()
                if not one.is_reference
            },
        )
        for clause in ruleset.clauses.values()
    ]
    return Coverage(clauses, idle)
