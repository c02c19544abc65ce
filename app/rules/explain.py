"""Why a verdict is what it is: every condition of a clause with its facts, their values and where they come from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from app.rules.expression import (
    Comparison,
    Expression,
    Leaf,
    Lookup,
    Name,
    Truth,
    Value,
    evaluate,
    leaves,
    names_of,
)
from app.rules.facts import FactProblem, Known, Text
from app.rules.ruleset import Clause, Ruleset


@dataclass(frozen=True, slots=True)
class ConditionFact:
    """One value a condition looked at: a fact, or a setting of the rule set (then `to_be_confirmed` may be set)."""

    key: str
    label: Text
    value: Value | None
    stated: object
    unit: str | None
    sources: tuple[str, ...]
    problem: FactProblem | None
    to_be_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One single condition, as written, of the clause's scope or of its predicate, and whether it holds (None: unknown)."""

    part: Literal["scope", "predicate"]
    text: str
    holds: Truth
    facts: tuple[ConditionFact, ...]


def explain(
    ruleset: Ruleset, clause: Clause, known: Mapping[str, Known], lookup: Lookup
) -> tuple[Condition, ...]:
    """Every condition, scope first, each once, in reading order."""
    parts: list[tuple[Literal["scope", "predicate"], Expression]] = [("predicate", clause.major_when)]
    if clause.scope is not None:
        parts.insert(0, ("scope", clause.scope))
    return tuple(
        Condition(part, written(leaf), evaluate(leaf, lookup), tuple(_facts(ruleset, clause, known, leaf)))
        for part, expression in parts
        for leaf in dict.fromkeys(leaves(expression))
    )


def written(leaf: Leaf) -> str:
    """A condition as its clause writes it."""
    if isinstance(leaf, Name):
        return leaf.name
    return f"{leaf.left} {leaf.operator} {_operand(leaf)}"


def _operand(comparison: Comparison) -> str:
    right = comparison.right
    if isinstance(right, Name):
        return right.name
    return f'"{right}"' if isinstance(right, str) else str(right)


def _facts(
    ruleset: Ruleset, clause: Clause, known: Mapping[str, Known], leaf: Leaf
) -> Iterator[ConditionFact]:
    for name in names_of(leaf):
        if name in clause.facts:
            definition, state = clause.facts[name], known[name]
            yield ConditionFact(
                definition.key,
                definition.label,
                state.value,
                state.stated,
                definition.unit,
                state.sources,
                state.problem,
            )
        else:
            setting = ruleset.settings[name]
            key = f"{ruleset.id}.settings.{name}"
            yield ConditionFact(
                key,
                setting.label,
                setting.value,
                None,
                setting.unit,
                (setting.source,),
                None,
                setting.to_be_confirmed,
            )
