"""All 64 clauses of Order 10 at every branch: hand-stated cases, each single fact missing, and the facts file itself."""

import itertools
import re
from functools import cache
from importlib import resources
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


@cache
def compiled(text: str) -> Any:
    return compile(re.sub(r"\s+", " ", text), "<predicate>", "eval")


def python_predicate(text: str, facts: dict[str, Any]) -> bool:
    """A predicate read by Python itself, which shares nothing with our evaluator."""
    return bool(eval(compiled(text), {"__builtins__": {}}, facts))


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


# --- every combination of known and missing facts, against Python's own two-valued logic -----------------------------


def clause_texts() -> dict[str, tuple[str, str]]:
    """(scope, predicate) of each clause as its content file writes them; both happen to be Python."""
    folder = resources.files("app.content") / "law" / "order10"
    bodies = [
        body
        for entry in folder.iterdir()
        if entry.name.startswith("article-")
        for body in yaml.safe_load(entry.read_text(encoding="utf-8"))["clauses"]
    ]
    return {body["id"]: (body.get("scope", {}).get("when", "True"), body["major_when"]) for body in bodies}


TEXTS = clause_texts()
SETTINGS = ORDER10.constants


def table_values(clause: Clause, name: str) -> list[Any]:
    """Every value of a bool or an enum; of a number those around each limit of the clause."""
    definition = clause.facts[name]
    if definition.type in (FactType.BOOL, FactType.ENUM):
        return possible_values(definition, [])
    numbers = [float(one) for one in re.findall(r"[<>=] (\d+(?:\.\d+)?)", TEXTS[clause.id][1])]
    limits = [*numbers, *(30.0 for one in SETTINGS if one in TEXTS[clause.id][1])] or [2.0]
    return possible_values(definition, limits)


def two_valued(clause: Clause, facts: dict[str, Any]) -> VerdictKind:
    """The verdict on complete facts, by Python itself."""
    names = {**SETTINGS, **facts, "true": True, "false": False}
    holds = all(python_predicate(text, names) for text in TEXTS[clause.id])
    return MAJOR if holds else SPARED


@each_clause
def test_every_combination_of_known_and_missing_facts_is_sound(clause: Clause) -> None:
    """Whatever is missing: decided only where every completion agrees, and open only with something to ask for."""
    names = [name for name, definition in clause.facts.items() if not definition.is_reference]
    choices = [table_values(clause, name) for name in names]
    known: dict[tuple[Any, ...], frozenset[VerdictKind]] = {}

    def outcomes(values: tuple[Any, ...]) -> frozenset[VerdictKind]:
        if values not in known:
            if None in values:
                at = values.index(None)
                parts = [outcomes((*values[:at], one, *values[at + 1 :])) for one in choices[at]]
                known[values] = frozenset().union(*parts)
            else:
                known[values] = frozenset({two_valued(clause, dict(zip(names, values, strict=True)))})
        return known[values]

    for values in itertools.product(*([*values, None] for values in choices)):
        stated = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        verdict = judge(clause, stated)
        if verdict is None:
            assert not stated
            continue
        if verdict.is_open:
            asked = {definition.key for name, definition in clause.facts.items() if name not in stated}
            assert verdict.missing
            assert set(verdict.missing) <= asked
        elif verdict.kind is OPEN:
            assert outcomes(values) == {SPARED}
        else:
            assert outcomes(values) == {verdict.kind}, stated
        if len(outcomes(values)) == 2:
            assert verdict.is_open, stated


@each_clause
def test_scope_facts_are_three_valued_in_every_combination(clause: Clause) -> None:
    """In the major case: a scope that fails is not matched; one that is not known is undetermined and asked for."""
    if clause.scope is None:
        return
    case = case_of(clause)
    scope_names = [name for name in clause.facts if re.search(rf"\b{name}\b", TEXTS[clause.id][0])]
    assert scope_names
    choices = [possible_values(clause.facts[name], []) for name in scope_names]
    for values in itertools.product(*([*one, None] for one in choices)):
        given = dict(zip(scope_names, values, strict=True))
        stated = {name: value for name, value in {**case.major, **given}.items() if value is not None}
        verdict = judge(clause, stated)
        if verdict is None:
            continue
        completions = {
            python_predicate(TEXTS[clause.id][0], dict(zip(scope_names, one, strict=True)))
            for one in itertools.product(
                *(
                    [value] if value is not None else all_of
                    for value, all_of in zip(values, choices, strict=True)
                )
            )
        }
        if completions == {False}:
            assert (verdict.scope, verdict.kind) == (False, SPARED)
        elif completions == {True}:
            assert verdict.scope is True
        else:
            assert (verdict.scope, verdict.kind) == (None, OPEN)


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


@cache
def facts_file() -> dict[str, Any]:
    path = SHARED / "law" / "major_hazards.yaml"
    if not path.exists():
        pytest.skip("NOT CHECKED against the facts file: ../shared/law/major_hazards.yaml is absent")
    return {item["id"]: item for item in yaml.safe_load(path.read_text(encoding="utf-8"))["mem10_items"]}


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
