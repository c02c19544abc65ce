"""Versions of a standard: what cannot be built, and which is in force on which day."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from app.rules.evaluator import VerdictKind
from app.rules.interview import effort, possible_verdicts
from app.rules.ruleset import Clause, Ruleset, RulesetError, build_ruleset, in_force, succession
from tests.rules.making import ORDER10

BEGAN = ORDER10.in_force_from
WORDS = {"zh": "试", "en": "t"}
FACTS = {
    "yes": {"type": "bool", **WORDS},
    "size": {"type": "number", **WORDS},
    "kind": {"type": "enum", **WORDS, "values": {"a": "A", "b": "B"}},
}


def version(name: str, begins: date, until: date | None = None, of: str = "MEM10") -> Ruleset:
    return replace(ORDER10, id=of, version=name, in_force_from=begins, in_force_until=until)


def on(day: date, *versions: Ruleset) -> str | None:
    found = in_force(succession(versions), day)
    return found.version if found else None


def test_a_version_ends_the_day_before_the_next_begins_whatever_their_order() -> None:
    first, second = version("1", BEGAN), version("2", date(2027, 1, 1))
    for versions in ((first, second), (second, first)):
        assert on(BEGAN - timedelta(days=1), *versions) is None
        assert on(date(2026, 12, 31), *versions) == "1"
        assert on(date(2027, 1, 1), *versions) == "2"
    assert first.in_force_until is None


def test_a_version_that_ends_by_itself_leaves_a_gap_and_never_outlasts_the_next() -> None:
    short = version("1", BEGAN, date(2026, 6, 30))
    assert on(date(2026, 7, 1), short, version("2", date(2027, 1, 1))) is None
    assert on(date(2026, 6, 1), short, version("2", date(2026, 6, 1))) == "2"


def test_of_two_that_begin_on_one_day_the_later_named_holds() -> None:
    day = date(2027, 1, 1)
    assert on(day, version("shipped", day), version("own", day)) == "own"


def test_standards_do_not_end_one_another() -> None:
    held = succession([version("1", BEGAN), version("1", date(2027, 1, 1), of="OTHER")])
    assert [one.in_force_until for one in held] == [None, None]


def built(expression: str, **changes: Any) -> Clause:
    head = {
        "id": "T", "version": "1", "title": WORDS, "source": WORDS, "in_force_from": "2026-01-01",
        "trades": {"machinery": WORDS}, "documents": {},
        "settings": {"limit": {"value": 3, "unit": "m", "label": WORDS, "source": "x", "to_be_confirmed": False}},
    }  # fmt: skip
    used = {name: body for name, body in FACTS.items() if name in expression}
    body = {
        "id": "T-1-1", "paragraph": 1, "trades": "any", "subject": "unit", "text": WORDS, "penalties": [],
        "major_when": expression, "facts": used, **changes,
    }  # fmt: skip
    return build_ruleset(head, [{"article": 1, "clauses": [body]}]).clauses["T-1-1"]


@pytest.mark.parametrize(
    "expression",
    ["yes == 1", 'yes == "a"', "size", "kind", 'kind == "c"', 'kind < "a"', "kind == 1", 'size == "a"', "size == yes",
     "kind == size", "limit", 'limit == "a"', "limit > yes"],
)  # fmt: skip
def test_a_condition_that_could_never_be_known_is_no_rule(expression: str) -> None:
    with pytest.raises(RulesetError, match="never known") as refused:
        built(expression)
    assert (refused.value.clause, refused.value.part) == ("T-1-1", "major_when")


@pytest.mark.parametrize(
    "expression", ["not yes", 'kind != "b"', "size >= 2.5", "size < limit", "limit <= size", "size == size"]
)
def test_a_condition_that_can_be_known_is_one(expression: str) -> None:
    assert built(expression).keys


def test_names_nobody_defined_and_facts_nobody_uses_are_told() -> None:
    with pytest.raises(RulesetError, match="unknown names") as refused:
        built("yes and sizes", facts=FACTS)
    assert refused.value.names == ["sizes"]
    with pytest.raises(RulesetError, match="no expression uses") as refused:
        built("yes", facts=FACTS)
    assert refused.value.names == ["kind", "size"]
    with pytest.raises(RulesetError, match="unknown trades"):
        built("yes", trades=["space"])


@pytest.mark.parametrize("clause", ORDER10.clauses.values(), ids=lambda one: one.id)
def test_every_clause_of_order_10_can_come_to_every_verdict(clause: Clause) -> None:
    assert possible_verdicts(ORDER10, clause) == frozenset(VerdictKind)
    assert effort(ORDER10, clause) <= 2187


def test_what_a_clause_cannot_come_to_is_not_possible() -> None:
    for expression, possible in (
        ("limit > 1", {"suspected_major"}),
        ("limit < 1", {"not_matched"}),
        ("limit > 1 or yes", {"suspected_major"}),
        ("yes and not yes", {"undetermined", "not_matched"}),
    ):
        clause = built(expression)
        settings = {"limit": replace(next(iter(ORDER10.settings.values())), name="limit", value=3)}
        ruleset = replace(ORDER10, settings=settings, clauses={clause.id: clause})
        assert {one.value for one in possible_verdicts(ruleset, clause)} == possible, expression
