"""What checklists tell and what the determination standard asks must be the same words."""

from typing import Any

import pytest

from app.enums.checklists import Subject
from app.rules.facts import FactDefinition, FactType
from app.schemas.checklist_content import EnumAnswer, FactRule, Item, LookupAnswer, YesNoAnswer
from app.services.checklists.content import parse_checklist, placed_items, shipped_bodies
from app.services.determinations.content import shipped_rulesets

DEFINITIONS: dict[str, FactDefinition] = {
    definition.key: definition
    for ruleset in shipped_rulesets()
    for clause in ruleset.clauses.values()
    for definition in clause.facts.values()
}
TOLD = [
    pytest.param(
        placed.item, rule, placed.item.subject or placed.section.subject, id=f"{placed.item.code}:{rule.key}"
    )
    for body in shipped_bodies().values()
    for placed in placed_items(parse_checklist(body))
    for rule in placed.item.facts
]


@pytest.mark.parametrize(("item", "rule", "subject"), TOLD)
def test_fact_is_one_the_clauses_know_or_is_marked_supplementary(
    item: Item, rule: FactRule, subject: Subject | None
) -> None:
    if rule.supplementary:
        assert rule.key.startswith("checklist.")
        assert rule.key not in DEFINITIONS
        return
    definition = DEFINITIONS[rule.key]
    assert all(_fits(definition, value) for value in _values(item, rule))
    assert (rule.key.startswith("MEM10-3-2")) is (subject is Subject.WORKER)
    assert (rule.key.startswith("MEM10-3-1")) is (subject is Subject.ENTERPRISE)


def _values(item: Item, rule: FactRule) -> list[Any]:
    if rule.map is not None:
        assert isinstance(item.answer, YesNoAnswer | EnumAnswer)
        return list(rule.map.values())
    assert rule.take == "compliant"
    assert isinstance(item.answer, LookupAnswer)
    return [True, False]


def _fits(definition: FactDefinition, value: Any) -> bool:
    if definition.type is FactType.BOOL:
        return isinstance(value, bool)
    assert definition.type is FactType.ENUM
    return value in [code for code, _ in definition.values]


def test_every_clause_an_item_points_to_is_fed_by_its_checklist() -> None:
    """A clause cited in an item without a single fact of that clause would never be decided."""
    for body in shipped_bodies().values():
        items = [placed.item for placed in placed_items(parse_checklist(body))]
        cited = {c.clause for one in items for c in one.clauses if c.clause.startswith("MEM10-")}
        fed = {rule.key.rpartition(".")[0] for one in items for rule in one.facts if not rule.supplementary}
        assert cited - fed <= {"MEM10-14"}
