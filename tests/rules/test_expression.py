"""The little language of conditions: three values, and nothing it does not know passes."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.expression import ExpressionError, conjunction, disjunction, evaluate, names, parse, undecided

THREE = (True, False, None)


def truth(text: str, **facts: Any) -> bool | None:
    return evaluate(parse(text), facts.get)


@pytest.mark.parametrize(
    "left, right, both, either",
    [
        (True, True, True, True),
        (True, False, False, True),
        (False, False, False, False),
        (True, None, None, True),
        (False, None, False, None),
        (None, None, None, None),
    ],
)
def test_and_and_or_follow_kleene(
    left: bool | None, right: bool | None, both: bool | None, either: bool | None
) -> None:
    assert conjunction(left, right) is both
    assert conjunction(right, left) is both
    assert disjunction(left, right) is either
    assert disjunction(right, left) is either


def test_not_unknown_is_unknown() -> None:
    assert truth("not a") is None
    assert truth("not a", a=True) is False
    assert truth("not a", a=False) is True


def test_or_binds_weaker_than_and_and_not_binds_strongest() -> None:
    for a, b, c in itertools.product(THREE, repeat=3):
        facts = {"a": a, "b": b, "c": c}
        assert truth("a or b and c", **facts) is truth("a or (b and c)", **facts)
        assert truth("not a and b", **facts) is truth("(not a) and b", **facts)
        assert truth("not a or b", **facts) is truth("(not a) or b", **facts)


@pytest.mark.parametrize("value", [1, 0, "true", "", 0.0])
def test_a_value_of_the_wrong_type_is_unknown_not_false(value: object) -> None:
    assert truth("a", a=value) is None
    assert truth("not a", a=value) is None


def test_comparisons_of_different_kinds_are_unknown() -> None:
    assert truth("a < 3", a="2") is None
    assert truth("a < 3", a=True) is None
    assert truth('a == "x"', a=1) is None
    assert truth('a < "x"', a="w") is None
    assert truth("a < b", a=1) is None


@pytest.mark.parametrize(
    "text, value, expected",
    [
        ("a < 30", 29.9, True),
        ("a < 30", 30, False),
        ("a <= 30", 30, True),
        ("a > 9", 9, False),
        ("a > 9", 10, True),
        ("a >= 9", 9, True),
        ("a == 2.5", 2.5, True),
        ('a != "x"', "y", True),
        ('a == "事故坑"', "事故坑", True),
    ],
)
def test_comparisons(text: str, value: Any, expected: bool) -> None:
    assert truth(text, a=value) is expected


@pytest.mark.parametrize(
    "text",
    ["", "a and", "(a", "a)", "a b", "not", "a == ", "1 < a", "a + b", "a()", "a.b", "a == 'x'", "and", "a < or", "a == not"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


def test_only_what_keeps_it_open_is_asked_for() -> None:
    expression = parse("(a and b) or (c and not d)")
    assert names(expression) == ["a", "b", "c", "d"]
    assert undecided(expression, {"a": False}.get) == ["c", "d"]
    assert undecided(expression, {"a": True, "c": False}.get) == ["b"]
    assert undecided(expression, {"a": True, "b": True}.get) == []


@given(st.dictionaries(st.sampled_from("abcd"), st.booleans()))
def test_a_decided_truth_survives_every_completion(known: dict[str, bool]) -> None:
    expression = parse("(a and not b) or (c and (d or not a))")
    now = evaluate(expression, known.get)
    open_names = [name for name in "abcd" if name not in known]
    for values in itertools.product((True, False), repeat=len(open_names)):
        later = evaluate(expression, {**known, **dict(zip(open_names, values, strict=True))}.get)
        assert now is None or later is now


@pytest.mark.parametrize(
    "text",
    ["(" * 500 + "a" + ")" * 500, "not " * 200 + "a", " or ".join(["a"] * 500), " and ".join(["a"] * 500)],
)
def test_a_condition_that_no_person_could_read_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError, match=r"nested|longer"):
        parse(text)
