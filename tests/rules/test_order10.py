"""All 64 clauses of Order 10 at every branch: hand-stated cases, each single fact missing, and the facts file itself."""

import itertools
import re
from typing import Any

import pytest
import yaml

from app.rules.evaluator import VerdictKind
from app.rules.facts import FactDefinition, FactType
from app.rules.ruleset import Clause
from tests.conftest import SHARED
from tests.rules.making import ORDER10, judge
from tests.rules.order10_cases import CASES

CLAUSES = list(ORDER10.clauses.values())
MAJOR, SPARED, OPEN = VerdictKind.SUSPECTED_MAJOR, VerdictKind.NOT_MATCHED, VerdictKind.UNDETERMINED
each_clause = pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.id)


def case_of(clause: Clause) -> Any:
    return CASES[clause.id.removeprefix("MEM10-")]


def kind(clause: Clause, facts: dict[str, Any]) -> VerdictKind | None:
    verdict = judge(clause, facts)
    return verdict.kind if verdict else None


def possible_values(definition: FactDefinition, expression_numbers: list[float]) -> list[Any]:
    if definition.type is FactType.BOOL:
        return [True, False]
    if definition.type is FactType.ENUM:
        return [value for value, _ in definition.values]
    around = sorted({int(number + step) for number in expression_numbers for step in (-1, 0, 1)})
    return [value for value in around if value >= 0]


def test_the_64_clauses_are_all_there() -> None:
    counts = [sum(clause.article == article for clause in CLAUSES) for article in range(3, 14)]
    assert counts == [3, 8, 13, 8, 7, 7, 2, 2, 10, 2, 2]
    assert sum(counts) == 64
    assert CASES.keys() == {clause.id.removeprefix("MEM10-") for clause in CLAUSES}


@each_clause
def test_stated_cases_hold_and_fail_as_the_law_says(clause: Clause) -> None:
    case = case_of(clause)
    assert set(case.major) == set(clause.facts)
    assert kind(clause, case.major) is MAJOR
    for change in case.spared:
        assert kind(clause, {**case.major, **change}) is SPARED, change
    for change in case.still:
        assert kind(clause, {**case.major, **change}) is MAJOR, change


@each_clause
def test_each_single_missing_fact_is_never_taken_for_false(clause: Clause) -> None:
    """Where the missing fact could tip the verdict it is undetermined and named; it never flips one."""
    case = case_of(clause)
    for base in (case.major, *({**case.major, **change} for change in (*case.spared, *case.still))):
        numbers = [
            value for value in base.values() if isinstance(value, int | float) and not isinstance(value, bool)
        ]
        for name, definition in clause.facts.items():
            rest = {other: value for other, value in base.items() if other != name}
            outcomes = {
                kind(clause, {**rest, name: value})
                for value in possible_values(definition, [*numbers, 30, 9])
            }
            verdict = judge(clause, rest)
            assert verdict is not None or not rest
            if verdict is None:
                continue
            if len(outcomes) > 1:
                assert verdict.kind is OPEN, (name, base)
                assert verdict.missing == (definition.key,)
            else:
                assert verdict.kind in (*outcomes, OPEN), (name, base)


@each_clause
def test_every_deciding_fact_missing_from_the_bare_case_is_asked_for(clause: Clause) -> None:
    """In the major case, a fact whose change alone spares the enterprise must be asked for when it is missing."""
    case = case_of(clause)
    for change in case.spared:
        if len(change) == 1:
            ((name, _),) = change.items()
            verdict = judge(clause, {other: value for other, value in case.major.items() if other != name})
            if verdict is not None:
                assert (verdict.kind, verdict.missing) == (OPEN, (clause.facts[name].key,))


@each_clause
def test_an_unknown_scope_is_undetermined_and_a_false_one_not_matched(clause: Clause) -> None:
    case = case_of(clause)
    for name in ("in_scope", "dust_explosion_risk", "ammonia_refrigeration"):
        if name in clause.facts:
            assert kind(clause, {**case.major, name: False}) is SPARED
            assert kind(clause, {k: v for k, v in case.major.items() if k != name}) is OPEN


@each_clause
def test_nothing_observed_gives_no_verdict(clause: Clause) -> None:
    assert judge(clause, {}) is None


@each_clause
def test_an_installed_but_ineffective_device_counts_as_missing(clause: Clause) -> None:
    case = case_of(clause)
    for base in (case.major, *({**case.major, **change} for change in case.still)):
        absent = [name for name, value in base.items() if value is False and clause.facts[name].is_device]
        for name in absent:
            assert kind(clause, {**base, name: "ineffective"}) is MAJOR
            assert kind(clause, {**base, name: "absent"}) is MAJOR
            assert kind(clause, {**base, name: "effective"}) == kind(clause, {**base, name: True})
            assert kind(clause, {**base, name: "installed"}) == kind(
                clause, {other: value for other, value in base.items() if other != name}
            )


# --- against the facts file the clauses were carried over from -----------------------------------------------------


def facts_file() -> dict[str, Any]:
    path = SHARED / "law" / "major_hazards.yaml"
    if not path.exists():
        pytest.skip("NOT CHECKED against the facts file: ../shared/law/major_hazards.yaml is absent")
    return {item["id"]: item for item in yaml.safe_load(path.read_text(encoding="utf-8"))["mem10_items"]}


def python_predicate(text: str, facts: dict[str, Any]) -> bool:
    """The file's predicate read by Python itself, which shares nothing with our evaluator."""
    return bool(eval(re.sub(r"\s+", " ", text), {"__builtins__": {}}, facts))


@each_clause
def test_every_combination_of_facts_agrees_with_the_facts_file(clause: Clause) -> None:
    item = facts_file()[clause.id]
    names = [field["name"] for field in item["fields"]]
    numbers = [30.0, 9.0]
    choices = [possible_values(clause.facts[name], numbers) for name in names]
    scope_extra = {name: True for name in clause.facts if name not in names}
    for values in itertools.product(*choices):
        facts = dict(zip(names, values, strict=True))
        verdict = judge(clause, {**facts, **scope_extra})
        assert verdict is not None
        if verdict.scope:
            assert (verdict.kind is MAJOR) == python_predicate(item["predicate"], facts), facts
        else:
            assert verdict.kind is SPARED


@each_clause
def test_types_and_listed_values_are_those_of_the_facts_file(clause: Clause) -> None:
    item = facts_file()[clause.id]
    for field in item["fields"]:
        definition = clause.facts[field["name"]]
        assert definition.type.value == field["type"]
        assert definition.unit == field.get("unit")
        if definition.type is FactType.ENUM:
            listed = [re.sub(r"\(.*\)", "", value).strip() for value in field["zh"].split("|")]
            assert [value for value, _ in definition.values] == listed
