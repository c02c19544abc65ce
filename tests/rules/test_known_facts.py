"""What is known decides for good: more facts never open what was decided, and the order in which they are told decides nothing."""

from itertools import chain
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.rules.evaluator import Determination, VerdictKind, determine
from app.rules.facts import DEVICE_STATES, Fact, FactDefinition, FactType, Subject
from app.rules.ruleset import Clause
from tests.rules.making import ORDER10
from tests.rules.order10_cases import CASES

ENTERPRISE = Subject("enterprise", "e")
SITE = Subject("site", "s", ENTERPRISE)
SUBJECTS = (ENTERPRISE, SITE, Subject("unit", "1", SITE), Subject("unit", "2", SITE))
CLAUSES = {
    trade: [one for one in ORDER10.clauses.values() if not one.trades or trade in one.trades]
    for trade in ORDER10.trades
}


def values_of(definition: FactDefinition) -> st.SearchStrategy[Any]:
    """What can be stated of a key; also what leaves it unknown: an unchecked device, a word where a number belongs."""
    device = sorted(DEVICE_STATES) if definition.is_device else []
    match definition.type:
        case FactType.BOOL:
            return st.sampled_from([True, False, *device, "perhaps"])
        case FactType.ENUM:
            return st.sampled_from([*(value for value, _ in definition.values), "unlisted"])
        case _:
            return st.sampled_from([0, 1, 2, 3, 9, 10, 29, 30, 31, 50, 1000, "many"])


def major_case(clause: Clause) -> dict[str, Any]:
    """Facts by key that make the clause major."""
    stated = CASES[clause.id.removeprefix("MEM10-")].major
    return {clause.facts[name].key: value for name, value in stated.items()}


@st.composite
def statements(draw: st.DrawFn, clauses: list[Clause], told: set[str]) -> list[Fact]:
    """Facts about keys that nobody has told of yet: complete and broken major cases of some clauses, and anything beside them,
    each of its own subject."""
    facts: list[Fact] = []
    for clause in draw(st.lists(st.sampled_from(clauses), max_size=3, unique_by=lambda one: one.id)):
        place = draw(st.sampled_from(SUBJECTS))
        case = major_case(clause)
        if draw(st.booleans()):
            case = {key: value for key, value in case.items() if draw(st.booleans())}
        for key, value in case.items():
            facts.append(Fact(place, key, value, f"case:{key}"))
    definitions = {one.key: one for clause in clauses for one in clause.facts.values()}
    for key in draw(st.lists(st.sampled_from(sorted(definitions)), max_size=12)):
        value = draw(values_of(definitions[key]))
        facts.append(Fact(draw(st.sampled_from(SUBJECTS)), key, value, f"other:{key}"))
    return [fact for fact in facts if fact.key not in told]


def decided(result: Determination) -> dict[tuple[str, Subject], Any]:
    """What does not depend on the order of the facts."""
    return {
        (one.clause_id, one.subject): (one.kind, one.scope, one.predicate, frozenset(one.missing))
        for one in result.verdicts
    }


@settings(max_examples=300)
@given(data=st.data(), trade=st.sampled_from(sorted(CLAUSES)))
def test_more_facts_never_open_again_what_fewer_have_decided(data: st.DataObject, trade: str) -> None:
    known = data.draw(statements(CLAUSES[trade], set()))
    more = data.draw(statements(CLAUSES[trade], {fact.key for fact in known}))
    before, after = (
        decided(determine(ORDER10, [trade], known)),
        decided(determine(ORDER10, [trade], known + more)),
    )
    for place, (kind, *_) in before.items():
        if kind is not VerdictKind.UNDETERMINED:
            assert after[place][0] is kind, place


@settings(max_examples=300)
@given(data=st.data(), trade=st.sampled_from(sorted(CLAUSES)))
def test_the_order_in_which_facts_are_told_changes_no_verdict(data: st.DataObject, trade: str) -> None:
    """Contradicting statements included: neither the first nor the last of them wins."""
    facts = data.draw(statements(CLAUSES[trade], set()))
    told = data.draw(st.permutations(facts))
    assert decided(determine(ORDER10, [trade], told)) == decided(determine(ORDER10, [trade], facts))


def test_the_major_case_of_every_clause_stays_major_whatever_else_is_told() -> None:
    """The same for each clause at once: its case, and beside it the major cases of all others of its trade."""
    for trade, clauses in CLAUSES.items():
        for clause in clauses:
            own = major_case(clause)
            others = chain.from_iterable(major_case(one).items() for one in clauses)
            beside = {key: value for key, value in others if key not in own}
            for place in SUBJECTS:
                stated = [Fact(SITE, key, value, "own") for key, value in own.items()]
                stated += [Fact(place, key, value, "other") for key, value in beside.items()]
                found = decided(determine(ORDER10, [trade], stated))
                assert found[clause.id, SITE][0] is VerdictKind.SUSPECTED_MAJOR
