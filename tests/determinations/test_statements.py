"""What is said of a visit beside what was said before: laws that hold for any facts, and the cases of replacement."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.ids import new_id
from app.enums.determinations import VerdictKind
from app.rules.evaluator import Finding, determine
from app.rules.evaluator import VerdictKind as Kind
from app.rules.facts import Fact, FactDefinition, FactType, Subject
from app.services.determinations.statements import Said, Standing, Statement, about, difference
from tests.rules.making import ORDER10, trade_of

ENTERPRISE = Subject("enterprise", "e")
SITE = Subject("site", "s", ENTERPRISE)
UNIT = Subject("unit", "u", SITE)
CLAUSES = list(ORDER10.clauses.values())


def values_of(definition: FactDefinition) -> Sequence[Any]:
    if definition.type is FactType.BOOL:
        states = ["effective", "ineffective", "absent", "installed"] if definition.is_device else []
        return [True, False, *states]
    if definition.type is FactType.ENUM:
        return [value for value, _ in definition.values]
    return [0, 9, 10, 29, 30, 31, 500]


@st.composite
def clause_and_facts(draw: st.DrawFn) -> tuple[Any, list[Fact]]:
    """A clause and facts about some of its keys, each about one of the nested subjects."""
    clause = draw(st.sampled_from(CLAUSES))
    facts = []
    for definition in clause.facts.values():
        if draw(st.booleans()):
            value = draw(st.sampled_from(values_of(definition)))
            subject = draw(st.sampled_from([UNIT, UNIT, SITE, ENTERPRISE]))
            facts.append(Fact(subject, definition.key, value, f"q:{definition.key}"))
    return clause, facts


def kinds(clause: Any, facts: Sequence[Fact]) -> dict[Subject, Kind]:
    said = determine(ORDER10, [trade_of(clause)], facts).verdicts
    return {one.subject: one.kind for one in said if one.clause_id == clause.id}


@given(clause_and_facts(), st.randoms())
def test_a_verdict_does_not_depend_on_the_order_of_the_facts(
    drawn: tuple[Any, list[Fact]], randomness: Any
) -> None:
    clause, facts = drawn
    shuffled = list(facts)
    randomness.shuffle(shuffled)
    assert kinds(clause, facts) == kinds(clause, shuffled)


@settings(max_examples=300)
@given(clause_and_facts(), st.data())
def test_more_knowledge_never_makes_a_decided_verdict_undetermined(
    drawn: tuple[Any, list[Fact]], data: st.DataObject
) -> None:
    """Facts about keys that nobody stated yet: what was matched stays matched, what was not stays not matched."""
    clause, facts = drawn
    before = kinds(clause, facts)
    stated = {fact.key for fact in facts}
    more = [
        Fact(UNIT, definition.key, data.draw(st.sampled_from(values_of(definition))), "later")
        for definition in clause.facts.values()
        if definition.key not in stated
    ]
    after = kinds(clause, [*facts, *more])
    for subject, kind in before.items():
        if subject is UNIT and kind is not Kind.UNDETERMINED:
            assert after[subject] is kind


@given(clause_and_facts())
def test_a_suspicion_rests_on_known_facts_alone_and_nothing_is_missing_from_it(
    drawn: tuple[Any, list[Fact]],
) -> None:
    clause, facts = drawn
    for one in determine(ORDER10, [trade_of(clause)], facts).verdicts:
        if one.kind is Kind.SUSPECTED_MAJOR:
            assert (one.scope, one.predicate, one.missing) == (True, True, ())
        if one.is_open:
            assert one.missing


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.id)
def test_an_unknown_trade_never_decides_and_the_known_field_decides_only_what_holds_for_all_of_it(
    clause: Any,
) -> None:
    facts = [Fact(UNIT, one.key, values_of(one)[0], "q") for one in clause.facts.values()]

    def of(trades: list[str]) -> set[Any]:
        said = determine(ORDER10, trades, facts).verdicts
        return {one.scope for one in said if one.clause_id == clause.id}

    exact = of([trade_of(clause)])
    assert of([]) <= {None, False}
    assert of(["industry_trade"]) <= ({None, False} if clause.trades else exact)
    assert of(["chemical"]) == set()
    assert of(["industry_trade", "chemical"]) == of(["industry_trade"])


@given(st.lists(st.sampled_from([Finding("a"), Finding("b", ("MEM10-7-5",)), Finding("c", ("X",))])))
def test_every_finding_is_either_covered_by_a_judged_clause_or_left_to_a_person(
    findings: list[Finding],
) -> None:
    burner = [Fact(UNIT, "MEM10-7-5.gas_fuel", True, "g")]
    unmapped = determine(ORDER10, ["machinery"], burner, findings).unmapped
    expected = dict.fromkeys(one.source for one in findings if one.source != "b")
    assert unmapped == tuple(expected)


# --- beside what was said before -------------------------------------------------------------------------------------


def statement(kind: str, value: Any = False, source: str = "package:1/Q") -> Statement:
    fact = {"key": "k", "value": value, "stated": value, "sources": [source], "problem": None}
    conditions = [{"part": "predicate", "text": "k", "holds": value, "facts": [fact]}]
    missing = ["k"] if kind == "undetermined" else []
    return Statement(VerdictKind(kind), "C", "unit", "u", None, {"conditions": conditions}, missing)


def standing(said: Statement, status: str = "open") -> Standing:
    key = about(said.clause_id, said.subject_kind, said.subject_id, said.source)
    return Standing(new_id(), status, said.kind, key, said.explanation, said.missing, None)


SUSPECTED, QUIET, ELSEWHERE = (
    statement("suspected_major"),
    statement("not_matched", True),
    statement("suspected_major", source="package:2/Q"),
)


@pytest.mark.parametrize(
    ("status", "said", "is_new", "is_outdated"),
    [
        ("open", SUSPECTED, False, False),
        ("open", ELSEWHERE, True, True),
        ("open", QUIET, True, True),
        ("open", None, False, True),
        ("verified_once", SUSPECTED, False, False),
        ("verified_once", ELSEWHERE, False, False),
        ("verified_once", QUIET, True, True),
        ("verified", None, False, True),
        ("confirmed", SUSPECTED, False, False),
        ("confirmed", ELSEWHERE, False, False),
        ("confirmed", QUIET, True, False),
        ("confirmed", None, False, False),
        ("rejected", QUIET, True, False),
    ],
)
def test_what_is_said_anew_takes_its_place_beside_what_people_did(
    status: str, said: Statement | None, is_new: bool, is_outdated: bool
) -> None:
    old = standing(SUSPECTED, status)
    loud = (said,) if said is not None and said.kind != "not_matched" else ()
    quiet = {said.about: said} if said is not None and said.kind == "not_matched" else {}
    changed = difference([old], Said(loud, quiet, []))
    assert changed.new == (((said, old.id),) if is_new else ())
    assert changed.outdated == ((old.id,) if is_outdated else ())


def test_the_same_said_twice_beside_a_decision_is_written_once() -> None:
    decided, beside = standing(SUSPECTED, "confirmed"), standing(QUIET)
    changed = difference([decided, beside], Said((), {QUIET.about: QUIET}, []))
    assert (changed.new, changed.outdated) == ((), ())
