"""The fewest questions that settle an undetermined clause: enough, none too many, and each of them worth asking."""

from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.rules.evaluator import TRADE_KEY, VerdictKind, determine, judge_clause
from app.rules.expression import Value
from app.rules.facts import Fact, FactType, Subject
from app.rules.interview import Interview, interview, possible_verdicts
from app.rules.ruleset import Clause, build_ruleset
from tests.rules.making import ORDER10

UNIT = Subject("unit", "u")
CLAUSES = list(ORDER10.clauses.values())


def kind(clause: Clause, known: dict[str, Any], trade: bool = True) -> VerdictKind:
    """What the machine says, given facts by name."""
    facts = [Fact(UNIT, clause.facts[name].key, value, "x") for name, value in known.items()]
    trades = [next(iter(clause.trades or ORDER10.trades))] if trade else []
    found = {one.clause_id: one.kind for one in determine(ORDER10, trades, facts).verdicts}
    return found.get(clause.id, VerdictKind.UNDETERMINED)


def values_of(clause: Clause, name: str) -> list[Value]:
    definition = clause.facts[name]
    if definition.type is FactType.BOOL:
        return [False, True]
    if definition.type is FactType.ENUM:
        return [value for value, _ in definition.values]
    return [0, 1, 2, 3, 9, 10, 29, 30, 31, 50, 1000]


def reachable(clause: Clause, known: dict[str, Any], names: tuple[str, ...]) -> set[VerdictKind]:
    answers = product(*(values_of(clause, name) for name in names))
    return {kind(clause, {**known, **dict(zip(names, one, strict=True))}) for one in answers}


def names_of(clause: Clause, keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key.rpartition(".")[2] for key in keys)


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.id)
def test_the_fewest_questions_of_every_clause_settle_it_and_fewer_do_not(clause: Clause) -> None:
    asked = interview(ORDER10, clause, {})
    for keys, outcome in (
        (asked.to_suspect, VerdictKind.SUSPECTED_MAJOR),
        (asked.to_clear, VerdictKind.NOT_MATCHED),
    ):
        assert keys, f"{clause.id}: no answers bring about {outcome}"
        assert outcome in reachable(clause, {}, names_of(clause, keys))
        facts = [name for name, one in clause.facts.items() if not one.is_reference]
        if len(keys) <= 3 and len(facts) <= 8:
            for fewer in combinations(facts, len(keys) - 1):
                assert outcome not in reachable(clause, {}, fewer), f"{clause.id}: {fewer} are enough"


@settings(max_examples=60)
@given(data=st.data())
def test_what_is_known_is_never_asked_and_no_answer_more_is_needed(data: st.DataObject) -> None:
    clause = data.draw(st.sampled_from(CLAUSES))
    known = {
        name: data.draw(st.sampled_from(values_of(clause, name)))
        for name in data.draw(st.sets(st.sampled_from(sorted(clause.facts))))
    }
    asked = interview(ORDER10, clause, known)
    assert not {clause.facts[name].key for name in known} & set(asked.order)
    if kind(clause, known) is not VerdictKind.UNDETERMINED or not known:
        return
    assert asked.to_suspect or asked.to_clear
    for keys, outcome in (
        (asked.to_suspect, VerdictKind.SUSPECTED_MAJOR),
        (asked.to_clear, VerdictKind.NOT_MATCHED),
    ):
        assert not keys or outcome in reachable(clause, known, names_of(clause, keys))


def test_the_questions_that_settle_it_soonest_come_first() -> None:
    clause = ORDER10.clauses["MEM10-7-5"]
    asked = interview(ORDER10, clause, {})
    assert asked.to_clear == ("MEM10-7-5.gas_fuel",)
    assert set(asked.order[:1]) == {"MEM10-7-5.gas_fuel"}
    known = interview(ORDER10, clause, {"gas_fuel": True})
    assert len(known.to_suspect) == 1
    assert known.order[0] == known.to_suspect[0]


def test_the_trade_is_asked_where_it_is_not_known() -> None:
    clause = ORDER10.clauses["MEM10-13-1"]
    asked = interview(ORDER10, clause, {}, applies=None)
    assert asked.to_clear == (TRADE_KEY,)
    assert TRADE_KEY in asked.to_suspect


def ruleset_of(expression: str, facts: dict[str, Any]) -> Clause:
    head = {
        "id": "T", "version": "1", "title": {"zh": "试", "en": "t"}, "source": {"zh": "试", "en": "t"},
        "in_force_from": "2026-01-01", "in_force_until": None,
        "trades": {"machinery": {"zh": "机械", "en": "m"}}, "documents": {},
    }  # fmt: skip
    body = {
        "id": "T-1-1", "paragraph": 1, "trades": "any", "subject": "unit", "text": {"zh": "试", "en": "t"},
        "major_when": expression, "penalties": [], "facts": facts,
    }  # fmt: skip
    return build_ruleset(head, [{"article": 1, "clauses": [body]}]).clauses["T-1-1"]


@pytest.mark.parametrize(
    ("expression", "suspect", "clear"),
    [
        ("a and b", ("a", "b"), ("a",)),
        ("a or b", ("a",), ("a", "b")),
        ("not a", ("a",), ("a",)),
        ("a and b or c", ("c",), ("a", "c")),
        ("(a or b) and (c or d)", ("a", "c"), ("a", "b")),
        ("n > 9", ("n",), ("n",)),
        ("n > m", ("n", "m"), ("n", "m")),
        ("a and not a", (), ("a",)),
    ],
)
def test_small_conditions_by_hand(expression: str, suspect: tuple[str, ...], clear: tuple[str, ...]) -> None:
    kinds = {
        name: "int" if name in "nm" else "bool"
        for name in "abcdnm"
        if name in expression.split() + list(expression)
    }
    used = {
        name: {"type": one, "zh": name, "en": name}
        for name, one in kinds.items()
        if name in _words(expression)
    }
    asked = interview(ORDER10, ruleset_of(expression, used), {})
    assert isinstance(asked, Interview)
    assert names_of(ruleset_of(expression, used), asked.to_suspect) == suspect
    assert names_of(ruleset_of(expression, used), asked.to_clear) == clear


def _words(expression: str) -> set[str]:
    return set(expression.replace("(", " ").replace(")", " ").split())


MAJOR, CLEAR, OPEN = VerdictKind.SUSPECTED_MAJOR, VerdictKind.NOT_MATCHED, VerdictKind.UNDETERMINED


@pytest.mark.parametrize(
    ("expression", "possible"),
    [
        ("n < 0", {MAJOR, CLEAR, OPEN}),
        ("x < 0 and x > 0", {CLEAR, OPEN}),
        ("x > 1 and x < 1.2", {MAJOR, CLEAR, OPEN}),
        ("x > 1.00001 and x < 1.00002", {MAJOR, CLEAR, OPEN}),
        ("n > 1 and n < 2", {CLEAR, OPEN}),
        ("n > 1 and n < 3", {MAJOR, CLEAR, OPEN}),
        ("n > x and x > 100", {MAJOR, CLEAR, OPEN}),
        ("x > n and x < y and n > 1 and y < 2", {CLEAR, OPEN}),
        ("x > n and x < y and n >= 1 and y < 1.5", {MAJOR, CLEAR, OPEN}),
        ("x > n and n > m and x < 8 and m > 5", {MAJOR, CLEAR, OPEN}),
        ("n > m and n < 7 and m > 5", {CLEAR, OPEN}),
        ("x > y and y > z and x < 2 and z > 1", {MAJOR, CLEAR, OPEN}),
        ("x > y and y > x", {CLEAR, OPEN}),
        ("x == y and y == 123.5", {MAJOR, CLEAR, OPEN}),
        ("x >= n or x < n", {MAJOR, OPEN}),
    ],
)
def test_what_a_condition_of_figures_can_come_to_is_found_exactly(
    expression: str, possible: set[VerdictKind]
) -> None:
    kinds = {"n": "int", "m": "int", "x": "number", "y": "number", "z": "number"}
    used = {
        name: {"type": kinds[name], "zh": name, "en": name} for name in kinds if name in _words(expression)
    }
    clause = ruleset_of(expression, used)
    assert possible_verdicts(ORDER10, clause) == possible


@settings(max_examples=150)
@given(data=st.data())
def test_no_answer_brings_about_a_verdict_that_is_said_to_be_out_of_reach(data: st.DataObject) -> None:
    kinds = {"n": "int", "m": "int", "x": "number", "y": "number"}
    side = st.sampled_from([*kinds, "1", "1.25", "2", "7"])
    parts = []
    for _ in range(data.draw(st.integers(1, 4))):
        left, right = data.draw(st.sampled_from(sorted(kinds))), data.draw(side)
        parts.append(f"{left} {data.draw(st.sampled_from(['<', '<=', '==', '!=', '>', '>=']))} {right}")
    expression = data.draw(st.sampled_from([" and ", " or "])).join(parts)
    used = {
        name: {"type": kinds[name], "zh": name, "en": name} for name in kinds if name in _words(expression)
    }
    clause = ruleset_of(expression, used)
    possible = possible_verdicts(ORDER10, clause)
    small = st.integers(-12, 40)
    for _ in range(20):
        known = {
            name: data.draw(small) if kinds[name] == "int" else data.draw(small) / 4 for name in sorted(used)
        }
        facts = [Fact(UNIT, clause.facts[name].key, value, "x") for name, value in known.items()]
        assert judge_clause(ORDER10, clause, facts, UNIT).kind in possible, (expression, known)


def test_a_fact_named_like_a_setting_is_asked_for() -> None:
    name = "minimum_seal_pressure"
    clause = ruleset_of(f"{name} > 1000", {name: {"type": "number", "zh": "x", "en": "x"}})
    assert possible_verdicts(ORDER10, clause) == {MAJOR, CLEAR, OPEN}


def test_a_figure_beyond_what_floats_hold_is_compared_all_the_same() -> None:
    facts = {name: {"type": "int", "zh": name, "en": name} for name in ("n", "m")}
    asked = interview(ORDER10, ruleset_of("n > m", facts), {"n": 10**400})
    assert names_of(ruleset_of("n > m", facts), asked.to_suspect) == ("m",)
