"""Which questions settle an undetermined clause: the fewest that could show it major, and the fewest that could clear it.

Found by trying every value that makes a difference, the smallest sets of questions first; so the answer is exact, not a guess.
Pure.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise, product
from math import ceil, floor, prod

from app.rules.evaluator import TRADE_KEY, VerdictKind, kind_of
from app.rules.expression import (
    Comparison,
    Expression,
    Name,
    Truth,
    Value,
    conjunction,
    evaluate,
    leaves,
    names,
)
from app.rules.facts import FactType
from app.rules.ruleset import Clause, Ruleset


@dataclass(frozen=True, slots=True)
class Interview:
    """Keys of the fewest questions that could show a clause major, and of the fewest that could clear it; in the clause's order.

    Empty: no answers can. `order`: every key worth asking, the shorter of the two first.
    """

    to_suspect: tuple[str, ...]
    to_clear: tuple[str, ...]
    order: tuple[str, ...]


def interview(
    ruleset: Ruleset, clause: Clause, known: Mapping[str, Value | None], applies: Truth = True
) -> Interview:
    """What to ask, given what is known by fact name (None or absent: unknown) and whether the trade makes the clause apply."""
    parts = [clause.scope, clause.major_when] if clause.scope is not None else [clause.major_when]
    tried = _candidates(ruleset, clause, parts, known)
    if applies is None:
        tried = {TRADE_KEY: (True, False), **tried}
    found: dict[VerdictKind, tuple[str, ...]] = {}
    for names_asked in _smallest_first(list(tried)):
        for kind in _outcomes(ruleset, clause, known, applies, names_asked, tried):
            found.setdefault(kind, names_asked)
        if len(found) == 2:
            break
    suspect, clear = (
        _keys(clause, found.get(kind, ())) for kind in (VerdictKind.SUSPECTED_MAJOR, VerdictKind.NOT_MATCHED)
    )
    first, second = sorted((one for one in (suspect, clear)), key=lambda one: (not one, len(one)))
    return Interview(suspect, clear, tuple(dict.fromkeys((*first, *second, *_keys(clause, tuple(tried))))))


def possible_verdicts(ruleset: Ruleset, clause: Clause) -> frozenset[VerdictKind]:
    """The verdicts that some facts, or none, can bring about where the trade makes the clause apply."""
    asked = interview(ruleset, clause, {})
    possible = {_kind(ruleset, clause, {}, True)}
    possible |= {VerdictKind.SUSPECTED_MAJOR} if asked.to_suspect else set()
    return frozenset(possible | ({VerdictKind.NOT_MATCHED} if asked.to_clear else set()))


def effort(ruleset: Ruleset, clause: Clause) -> int:
    """How many answers an interview may have to try at most; the greatest of Order 10 is 2187."""
    parts = [clause.scope, clause.major_when] if clause.scope is not None else [clause.major_when]
    return prod(1 + len(values) for values in _candidates(ruleset, clause, parts, {}).values())


def _smallest_first(names_open: list[str]) -> Iterator[tuple[str, ...]]:
    for size in range(1, len(names_open) + 1):
        yield from combinations(names_open, size)


def _outcomes(
    ruleset: Ruleset,
    clause: Clause,
    known: Mapping[str, Value | None],
    applies: Truth,
    asked: tuple[str, ...],
    tried: Mapping[str, tuple[Value, ...]],
) -> set[VerdictKind]:
    """The decided kinds that some answers to these questions, and to no others, bring about."""
    outcomes: set[VerdictKind] = set()
    for answers in product(*(tried[name] for name in asked)):
        given = {**known, **dict(zip(asked, answers, strict=True))}
        trade = given.pop(TRADE_KEY, applies)
        assert trade is None or isinstance(trade, bool)
        kind = _kind(ruleset, clause, given, trade)
        if kind is not VerdictKind.UNDETERMINED:
            outcomes.add(kind)
    return outcomes


def _kind(ruleset: Ruleset, clause: Clause, given: Mapping[str, Value | None], applies: Truth) -> VerdictKind:
    def lookup(name: str) -> Value | None:
        return _value(ruleset, clause, given, name)

    scope = applies if clause.scope is None else conjunction(applies, evaluate(clause.scope, lookup))
    return kind_of(scope, evaluate(clause.major_when, lookup))


def _facts_of(clause: Clause, parts: Sequence[Expression]) -> list[str]:
    return [name for name in dict.fromkeys(n for part in parts for n in names(part)) if name in clause.facts]


def _candidates(
    ruleset: Ruleset, clause: Clause, parts: Sequence[Expression], known: Mapping[str, Value | None]
) -> dict[str, tuple[Value, ...]]:
    """For each unknown fact of the conditions the values that make every difference to them.

    Both truths; every listed value; of figures, those that bring about every order among the facts and constants that are
    compared with one another, however indirectly.
    """
    unknown = [name for name in _facts_of(clause, parts) if known.get(name) is None]
    figures = {name for name in unknown if clause.facts[name].type in (FactType.INT, FactType.NUMBER)}
    found: dict[str, tuple[Value, ...]] = {}
    for group, marks in _compared(ruleset, clause, parts, known, figures):
        points = _points(marks, len(group))
        for name in group:
            is_whole = clause.facts[name].type is FactType.INT
            found[name] = tuple(_number(one) for one in points if one.denominator == 1 or not is_whole)
    for name in set(unknown) - figures:
        definition = clause.facts[name]
        listed: tuple[Value, ...] = tuple(value for value, _ in definition.values)
        found[name] = (False, True) if definition.type is FactType.BOOL else listed
    return {name: found[name] for name in unknown}


def _compared(
    ruleset: Ruleset,
    clause: Clause,
    parts: Sequence[Expression],
    known: Mapping[str, Value | None],
    figures: Set[str],
) -> list[tuple[set[str], set[Fraction]]]:
    """Unknown figures that are compared with one another, directly or through others, and all constants they are compared with."""
    groups: list[tuple[set[str], set[Fraction]]] = [({name}, set()) for name in sorted(figures)]
    for leaf in (one for part in parts for one in leaves(part)):
        if not isinstance(leaf, Comparison):
            continue
        sides = (leaf.left, leaf.right.name if isinstance(leaf.right, Name) else leaf.right)
        touched = [one for one in groups if one[0].intersection(sides)]
        if not touched:
            continue
        values = [_value(ruleset, clause, known, side) if isinstance(side, str) else side for side in sides]
        marks = {
            Fraction(one) for one in values if isinstance(one, int | float) and not isinstance(one, bool)
        }
        joined = (set[str]().union(*(one[0] for one in touched)), marks.union(*(one[1] for one in touched)))
        groups = [*(one for one in groups if one not in touched), joined]
    return groups


def _points(marks: Set[Fraction], facts: int) -> list[Fraction]:
    """The marks, and between, below and above them as many values as there are facts, so that these can stand in any order.

    Where whole numbers lie between two marks that are enough of them, these are taken, since any fact can have them; where there
    are fewer they are marks themselves.
    """
    if not marks:
        return [Fraction(one) for one in range(facts)]
    ordered = sorted(marks)
    below, above = ceil(ordered[0]) - 1, floor(ordered[-1]) + 1
    points = {*ordered, *(Fraction(below - i) for i in range(facts))}
    points |= {Fraction(above + i) for i in range(facts)}
    for left, right in pairwise(ordered):
        first, last = floor(left) + 1, ceil(right) - 1
        if last - first + 1 >= facts:
            points |= {Fraction(first + (last - first) * i // max(facts - 1, 1)) for i in range(facts)}
            continue
        whole = [left, *(Fraction(one) for one in range(first, last + 1)), right]
        points.update(whole)
        for start, end in pairwise(whole):
            step = (end - start) / (facts + 1)
            points.update(start + step * i for i in range(1, facts + 1))
    return sorted(points)


def _number(point: Fraction) -> int | float:
    return int(point) if point.denominator == 1 else float(point)


def _value(ruleset: Ruleset, clause: Clause, given: Mapping[str, Value | None], name: str) -> Value | None:
    """What a name of a condition stands for: a fact hides a setting of the same name."""
    return given.get(name) if name in clause.facts else ruleset.constants.get(name)


def _keys(clause: Clause, asked: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(TRADE_KEY if name == TRADE_KEY else clause.facts[name].key for name in asked)
