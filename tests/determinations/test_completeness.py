"""Nothing of the standard is out of reach: every item tells facts, and every clause can be settled by items or by questions."""

import pytest

from app.rules.evaluator import VerdictKind, determine
from app.rules.facts import Fact
from app.rules.ruleset import Clause
from app.services.checklists.content import parse_checklist, placed_items, shipped_bodies
from app.services.determinations.content import find_clause, question_sets, questions_of, shipped_rulesets
from tests.factories.checklists import CHECKED_ON
from tests.rules.making import ORDER10, UNIT, trade_of
from tests.rules.order10_cases import CASES

CLAUSES = list(ORDER10.clauses.values())
ITEMS = [placed.item for body in shipped_bodies().values() for placed in placed_items(parse_checklist(body))]
FED = {rule.key for item in ITEMS for rule in item.facts if not rule.supplementary}
UNFED = [clause for clause in CLAUSES if not FED & set(clause.keys)]
"""No checklist item says anything of these: only their question sets do."""


def test_each_of_the_130_items_tells_at_least_one_fact() -> None:
    listed = [item for item in ITEMS if not item.supplementary]
    assert len(listed) == 130
    assert [item.code for item in listed if not item.facts] == []


def test_most_clauses_depend_on_their_question_sets() -> None:
    """If a checklist begins to feed one, or stops, this tells."""
    fed = {clause.id for clause in CLAUSES} - {clause.id for clause in UNFED}
    own = {
        "MEM10-3-1", "MEM10-3-2", "MEM10-5-12", "MEM10-6-4", "MEM10-7-5", "MEM10-7-7", "MEM10-8-6", "MEM10-13-1",
        "MEM10-13-2",
    }  # fmt: skip
    dust = {f"MEM10-11-{paragraph}" for paragraph in range(1, 11)}
    assert fed == own | dust
    assert len(UNFED) == 45


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.id)
def test_the_question_set_of_a_clause_settles_it_alone(clause: Clause) -> None:
    """Answering every question, and nothing else, decides the clause both ways."""
    questions = question_sets()[clause.id]
    assert {one.definition.key for one in questions} == set(clause.keys)
    assert all(one.text.zh and one.text.en for one in questions)
    names = {definition.key: name for name, definition in clause.facts.items()}
    case = CASES[clause.id.removeprefix("MEM10-")]
    outcomes = set()
    for change in ({}, *case.spared):
        values = {**case.major, **change}
        stated = [
            Fact(UNIT, one.definition.key, values[names[one.definition.key]], "desk:1") for one in questions
        ]
        said = determine(ORDER10, [trade_of(clause)], stated).verdicts
        outcomes |= {one.kind for one in said if one.clause_id == clause.id}
    assert outcomes == {VerdictKind.SUSPECTED_MAJOR, VerdictKind.NOT_MATCHED}


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.id)
def test_whatever_is_missing_can_be_asked_for(clause: Clause) -> None:
    """From each single observation on: every key named as missing has its question."""
    case = CASES[clause.id.removeprefix("MEM10-")]
    for name, definition in clause.facts.items():
        seen = [Fact(UNIT, definition.key, case.major[name], "q")]
        for one in determine(ORDER10, [trade_of(clause)], seen).verdicts:
            questions = questions_of(ORDER10, one.clause_id)
            asked = [q.definition.key for q in questions if q.definition.key in one.missing]
            assert sorted(asked) == sorted(one.missing)


def test_question_sets_are_of_clauses_that_exist() -> None:
    assert set(question_sets()) == {one for held in shipped_rulesets() for one in held.clauses}
    assert find_clause("MEM10-7-5", CHECKED_ON) is ORDER10.clauses["MEM10-7-5"]
