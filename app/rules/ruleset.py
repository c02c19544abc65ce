"""A rule set: the clauses of one determination standard, its settings, and from when until when it is in force.

Built here from plain data (what the content files hold) with every reference checked; read from files elsewhere.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from app.rules.expression import (
    Expression,
    ExpressionError,
    Leaf,
    Name,
    Value,
    leaves,
    names,
    names_of,
    parse,
)
from app.rules.facts import FactDefinition, FactType, Text


class RulesetError(ValueError):
    """The data do not make a rule set: which clause, which part of it (scope, major_when, facts, trades, id), which names."""

    def __init__(self, clause: str, part: str, message: str, wrong: Iterable[str] = ()) -> None:
        self.clause, self.part, self.message, self.names = clause, part, message, sorted(wrong)
        super().__init__(f"{clause}: {part}: {message}{' ' if self.names else ''}{', '.join(self.names)}")


@dataclass(frozen=True, slots=True)
class Setting:
    """A named value of a rule set; `to_be_confirmed` is shown wherever the value decides."""

    name: str
    value: int | float
    unit: str
    label: Text
    source: str
    to_be_confirmed: bool


@dataclass(frozen=True, slots=True)
class Penalty:
    """A penalty article that may apply; a person decides."""

    document: str
    article: str | None


@dataclass(frozen=True)
class Clause:
    """One item of the standard. `trades` None: every trade the standard covers. `scope` None: the trade alone decides.

    `facts` maps the expressions' names to their definitions, facts shared by the whole article included.
    """

    id: str
    article: int
    paragraph: int
    trades: frozenset[str] | None
    subject: str
    text: Text
    scope: Expression | None
    scope_text: Text | None
    major_when: Expression
    facts: Mapping[str, FactDefinition]
    penalties: tuple[Penalty, ...]
    caution: Text | None = None
    to_be_confirmed: Text | None = None

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Every fact key of the clause."""
        return tuple(definition.key for definition in self.facts.values())


@dataclass(frozen=True)
class Ruleset:
    """One version of a standard: in force from `in_force_from` to `in_force_until`, both included (None: open).

    `source` names the document it follows. `field_trade` says of an enterprise that it is of the standard's field, but not of
    which of its trades.
    """

    id: str
    version: str
    title: Text
    source: Text
    in_force_from: date
    in_force_until: date | None
    trades: Mapping[str, Text]
    settings: Mapping[str, Setting]
    documents: Mapping[str, Text]
    clauses: Mapping[str, Clause]
    field_trade: str | None = None

    def is_in_force(self, on_date: date) -> bool:
        """True when facts of this date are judged by this version."""
        return self.in_force_from <= on_date and (
            self.in_force_until is None or on_date <= self.in_force_until
        )

    @property
    def name(self) -> str:
        """What verdicts and sheets call it: "MEM10:2023"."""
        return f"{self.id}:{self.version}"

    @cached_property
    def constants(self) -> Mapping[str, Value]:
        """The settings as the expressions see them."""
        return {name: setting.value for name, setting in self.settings.items()}

    def clauses_of(self, keys: Iterable[str]) -> list[Clause]:
        """The clauses that any of the keys speaks of, in the order of the law."""
        spoken_of = {place for key in keys for place in self._places.get(key, ())}
        return [self._in_order[place] for place in sorted(spoken_of)]

    @cached_property
    def _in_order(self) -> tuple[Clause, ...]:
        return tuple(self.clauses.values())

    @cached_property
    def _places(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = {}
        for place, clause in enumerate(self._in_order):
            for key in clause.keys:
                found.setdefault(key, []).append(place)
        return found


def in_force(versions: Iterable[Ruleset], on_date: date) -> Ruleset | None:
    """The version by which facts of a date are judged; None when no version held here was in force."""
    return next((version for version in versions if version.is_in_force(on_date)), None)


def succession(versions: Iterable[Ruleset]) -> tuple[Ruleset, ...]:
    """The versions with the days on which each is in force: one ends, at the latest, the day before the next of its id begins.

    Of two that begin on the same day the later named holds, and the other never does. Nothing is rewritten for that.
    """
    by_id: dict[str, list[Ruleset]] = defaultdict(list)
    for version in versions:
        by_id[version.id].append(version)
    return tuple(one for held in by_id.values() for one in _succeeding(held))


def _succeeding(versions: list[Ruleset]) -> Iterator[Ruleset]:
    in_order = sorted(versions, key=lambda one: one.in_force_from)
    for version, following in zip(in_order, [*in_order[1:], None], strict=True):
        if following is None:
            yield version
            continue
        last = following.in_force_from - timedelta(days=1)
        yield replace(version, in_force_until=min(version.in_force_until or last, last))


def build_ruleset(head: Mapping[str, Any], articles: Sequence[Mapping[str, Any]]) -> Ruleset:
    """A rule set from its head (title, dates, trades, settings) and its articles. Raises RulesetError."""
    settings = {name: _setting(name, body) for name, body in head.get("settings", {}).items()}
    trades = {code: _text(body) for code, body in head["trades"].items()}
    clauses: dict[str, Clause] = {}
    for article in articles:
        shared = _definitions(f"{head['id']}-{article['article']}", article.get("shared_facts", {}))
        for body in article["clauses"]:
            clause = _clause(body, article["article"], shared, settings)
            if clause.id in clauses:
                raise RulesetError(clause.id, "id", "used twice")
            if unknown := (clause.trades or frozenset()) - trades.keys():
                raise RulesetError(clause.id, "trades", "unknown trades", unknown)
            clauses[clause.id] = clause
    until = head.get("in_force_until")
    return Ruleset(
        id=head["id"],
        version=head["version"],
        title=_text(head["title"]),
        source=_text(head["source"]),
        in_force_from=date.fromisoformat(head["in_force_from"]),
        in_force_until=date.fromisoformat(until) if until else None,
        trades=trades,
        settings=settings,
        documents={code: _text(body) for code, body in head["documents"].items()},
        clauses=clauses,
        field_trade=head.get("field_trade"),
    )


def _clause(
    body: Mapping[str, Any],
    article: int,
    shared: Mapping[str, FactDefinition],
    settings: Mapping[str, Setting],
) -> Clause:
    identifier = body["id"]
    own = _definitions(identifier, body["facts"])
    scope = body.get("scope")
    scope_expression = _parsed(identifier, "scope", scope["when"]) if scope else None
    major_when = _parsed(identifier, "major_when", body["major_when"])
    used = {*names(major_when), *(names(scope_expression) if scope_expression else ())}
    facts = {**{name: fact for name, fact in shared.items() if name in used}, **own}
    parts = {"major_when": major_when} | ({"scope": scope_expression} if scope_expression else {})
    for part, expression in parts.items():
        _check_expression(identifier, part, expression, facts, settings)
    if idle := {name for name, fact in facts.items() if not fact.is_reference} - used:
        raise RulesetError(identifier, "facts", "facts that no expression uses", idle)
    return Clause(
        id=identifier,
        article=article,
        paragraph=body["paragraph"],
        trades=None if body["trades"] == "any" else frozenset(body["trades"]),
        subject=body["subject"],
        text=_text(body["text"]),
        scope=scope_expression,
        scope_text=_text(scope) if scope else None,
        major_when=major_when,
        facts=facts,
        penalties=tuple(Penalty(one["document"], one.get("article")) for one in body["penalties"]),
        caution=_text(body["caution"]) if "caution" in body else None,
        to_be_confirmed=_text(body["to_be_confirmed"]) if "to_be_confirmed" in body else None,
    )


def _parsed(identifier: str, part: str, text: str) -> Expression:
    try:
        return parse(text)
    except ExpressionError as error:
        raise RulesetError(identifier, part, str(error)) from None


def _check_expression(
    identifier: str,
    part: str,
    expression: Expression,
    facts: Mapping[str, FactDefinition],
    settings: Mapping[str, Setting],
) -> None:
    if unknown := set(names(expression)) - facts.keys() - settings.keys():
        raise RulesetError(identifier, part, "unknown names", unknown)
    for leaf in leaves(expression):
        if not _fits(leaf, facts):
            raise RulesetError(identifier, part, "not comparable, so never known", names_of(leaf))


def _fits(leaf: Leaf, facts: Mapping[str, FactDefinition]) -> bool:
    """Whether a condition can ever be known: yes/no alone, listed values with listed values, figures with figures."""
    if isinstance(leaf, Name):
        return leaf.name in facts and facts[leaf.name].type is FactType.BOOL
    left = facts.get(leaf.left)
    if left is not None and left.type is FactType.BOOL:
        return False
    if left is not None and left.type is FactType.ENUM:
        listed = [value for value, _ in left.values]
        if isinstance(leaf.right, Name):
            right = facts.get(leaf.right.name)
            return leaf.operator in ("==", "!=") and right is not None and right.type is FactType.ENUM
        return leaf.operator in ("==", "!=") and leaf.right in listed
    if isinstance(leaf.right, Name):
        right = facts.get(leaf.right.name)
        return right is None or right.type in (FactType.NUMBER, FactType.INT)
    return isinstance(leaf.right, int | float)


def _definitions(namespace: str, bodies: Mapping[str, Any]) -> dict[str, FactDefinition]:
    return {
        name: FactDefinition(
            key=f"{namespace}.{name}",
            type=FactType(body["type"]),
            label=_text(body),
            unit=body.get("unit"),
            values=tuple(body.get("values", {}).items()),
            is_device=body.get("device", False),
            is_reference=body.get("reference", False),
        )
        for name, body in bodies.items()
    }


def _setting(name: str, body: Mapping[str, Any]) -> Setting:
    return Setting(
        name, body["value"], body["unit"], _text(body["label"]), body["source"], body["to_be_confirmed"]
    )


def _text(body: Mapping[str, Any]) -> Text:
    return Text(body["zh"], body["en"])
