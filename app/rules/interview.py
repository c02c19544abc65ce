"""Which questions settle an undetermined clause: the fewest that could show it major, and the fewest that could clear it.

Found by trying every value that makes a difference, the smallest sets of questions first; so the answer is exact, not a guess.
Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from math import prod

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
    unknown = [name for name in _facts_of(clause, parts) if known.get(name) is None]
    tried = {name: _values(clause, ruleset, parts, name, known) for name in unknown}
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
    asked = _facts_of(clause, parts)
    return prod(1 + len(_values(clause, ruleset, parts, name, {})) for name in asked)


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
        return given[name] if name in given else ruleset.constants.get(name)

    scope = applies if clause.scope is None else conjunction(applies, evaluate(clause.scope, lookup))
    return kind_of(scope, evaluate(clause.major_when, lookup))


def _facts_of(clause: Clause, parts: list[Expression]) -> list[str]:
    return [name for name in dict.fromkeys(n for part in parts for n in names(part)) if name in clause.facts]


def _values(
    clause: Clause,
    ruleset: Ruleset,
    parts: list[Expression],
    name: str,
    known: Mapping[str, Value | None],
) -> tuple[Value, ...]:
    """Values of a fact that make every difference to the clause: both truths, every listed value, around every figure."""
    definition = clause.facts[name]
    if definition.type is FactType.BOOL:
        return (False, True)
    if definition.type is FactType.ENUM:
        return tuple(value for value, _ in definition.values)
    figures = {0.0}
    for leaf in (one for part in parts for one in leaves(part)):
        if isinstance(leaf, Comparison):
            sides = (leaf.left, leaf.right.name if isinstance(leaf.right, Name) else leaf.right)
            if name in sides:
                figures |= set(_figures(ruleset, sides, known))
    step = 1 if definition.type is FactType.INT else 0.5
    around = sorted({figure + offset for figure in figures for offset in (-step, 0, step)})
    return tuple(int(value) if definition.type is FactType.INT else value for value in around if value >= 0)


def _figures(
    ruleset: Ruleset, sides: tuple[Value, ...], known: Mapping[str, Value | None]
) -> Iterator[float]:
    for side in sides:
        value = known.get(side, ruleset.constants.get(side)) if isinstance(side, str) else side
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield float(value)


def _keys(clause: Clause, asked: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(TRADE_KEY if name == TRADE_KEY else clause.facts[name].key for name in asked)
