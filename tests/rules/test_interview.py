"""The fewest questions that settle an undetermined clause: enough, none too many, and each of them worth asking."""

from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.rules.evaluator import TRADE_KEY, VerdictKind, determine
from app.rules.expression import Value
from app.rules.facts import Fact, FactType, Subject
from app.rules.interview import Interview, interview
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


@settings(max_examples=60, deadline=None)
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
