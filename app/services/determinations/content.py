"""The law as shipped inside the package: rule sets by date in force, other standards, question sets. Read once, no database."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from app.content.reading import content_names, read_content
from app.rules.facts import FactDefinition, Text
from app.rules.ruleset import Clause, Ruleset, build_ruleset, in_force
from app.services.determinations.errors import ClauseUnknownProblem

RULESET_FOLDERS = ("order10",)
"""One folder per version of a standard; a new version is a new folder, an old one is never rewritten."""


@dataclass(frozen=True, slots=True)
class Standard:
    """A determination standard of some field.

    `route`: judged (by `ruleset`), person (its conditions are not held), refer (to another authority, `refer_to`).
    `trades` None: it is for a matter, wherever that is found; empty: for trades the register does not know.
    """

    code: str
    ruleset: str | None
    route: str
    refer_to: Text | None
    trades: frozenset[str] | None
    field: Text
    title: Text
    source: Text
    in_force_from: date | None
    in_force_until: date | None
    to_be_confirmed: bool

    def may_be_in_force(self, on_date: date) -> bool:
        """True unless a known date says otherwise."""
        began = self.in_force_from is None or self.in_force_from <= on_date
        return began and (self.in_force_until is None or on_date <= self.in_force_until)

    def applies_to(self, trades: Collection[str]) -> bool | None:
        """Whether it is for an enterprise of these trades; None: its trade is not known, or the matter decides."""
        if self.trades is None or not trades:
            return None
        return not self.trades.isdisjoint(trades)


@dataclass(frozen=True, slots=True)
class Topic:
    """What one item of a standard is about whose conditions are not held."""

    item: str
    text: Text


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask on site for one fact."""

    definition: FactDefinition
    text: Text


def load_law() -> None:
    """Read everything now, so that no package waits for it."""
    rulesets()
    question_sets()
    _standards()


@cache
def rulesets() -> tuple[Ruleset, ...]:
    """Every shipped version of the standards the machine decides by."""
    return tuple(_read_ruleset(folder) for folder in RULESET_FOLDERS)


def ruleset_on(on_date: date) -> Ruleset | None:
    """The version by which facts of a date are judged; None: none is held for that date."""
    return in_force(rulesets(), on_date)


def find_ruleset(identifier: str, version: str) -> Ruleset | None:
    """A version by its name: a verdict is explained by the version it was judged by."""
    return next((one for one in rulesets() if (one.id, one.version) == (identifier, version)), None)


def find_clause(clause_id: str, on_date: date) -> Clause | None:
    """A clause of the version in force on a date; None: the machine holds no such clause."""
    ruleset = ruleset_on(on_date)
    return ruleset.clauses.get(clause_id) if ruleset else None


OTHER_TRADE = "other"
"""The answer to what trade it is: none of the standard's."""


def trade_codes(on_date: date) -> list[str]:
    """What may be answered where the trade is not known: a trade of the standard in force, or none of them."""
    ruleset = ruleset_on(on_date)
    return [*(ruleset.trades if ruleset else ()), OTHER_TRADE]


def check_clause(clause_id: str, on_date: date) -> None:
    """Raise ClauseUnknownProblem unless the clause belongs to a standard that may be in force on the date.

    Of the standards whose text or topics are held the clause must exist; of the others only the standard is known.
    """
    standards = standards_on(on_date)
    for standard in standards:
        if clause_id.startswith(f"{standard.code}-") and _is_item(standard, clause_id, on_date):
            return
    names = "、".join(standard.code for standard in standards)
    raise ClauseUnknownProblem(clause=clause_id, standards=names)


def _is_item(standard: Standard, clause_id: str, on_date: date) -> bool:
    if standard.ruleset is not None:
        return find_clause(clause_id, on_date) is not None
    listed = topics().get(standard.code)
    item = clause_id.removeprefix(f"{standard.code}-")
    return listed is None or any(one.item == item for one in listed)


@cache
def topics() -> Mapping[str, tuple[Topic, ...]]:
    """By standard: the items whose conditions are not held, in their order."""
    return {
        code: tuple(Topic(one["item"], Text(one["zh"], one["en"])) for one in items)
        for code, items in _read("topics.yaml").items()
    }


def standards_on(on_date: date) -> list[Standard]:
    """The standards, of every field, that may be in force on a date."""
    return [standard for standard in _standards() if standard.may_be_in_force(on_date)]


@cache
def question_sets() -> Mapping[str, tuple[Question, ...]]:
    """By clause: a question for each of its facts."""
    definitions = _definitions()
    return {
        clause_id: tuple(Question(definitions[one["key"]], Text(one["zh"], one["en"])) for one in questions)
        for clause_id, questions in _read("question_sets.yaml").items()
    }


def questions_for(clause_id: str, keys: list[str]) -> list[Question]:
    """The questions that would settle the given keys of a clause."""
    return [question for question in question_sets().get(clause_id, ()) if question.definition.key in keys]


@cache
def _definitions() -> dict[str, FactDefinition]:
    return {
        definition.key: definition
        for ruleset in rulesets()
        for clause in ruleset.clauses.values()
        for definition in clause.facts.values()
    }


@cache
def _standards() -> tuple[Standard, ...]:
    return tuple(
        Standard(
            code=body["code"],
            ruleset=body.get("ruleset"),
            route=body["route"],
            refer_to=Text(**body["refer_to"]) if "refer_to" in body else None,
            trades=frozenset(body["trades"]) if "trades" in body else None,
            field=Text(**body["field"]),
            title=Text(**body["title"]),
            source=Text(**body["source"]),
            in_force_from=_date(body["in_force_from"]),
            in_force_until=_date(body["in_force_until"]),
            to_be_confirmed=body["to_be_confirmed"],
        )
        for body in _read("standards.yaml")
    )


def _date(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


def _read_ruleset(folder: str) -> Ruleset:
    names = [name for name in content_names(f"law/{folder}") if name.startswith("article-")]
    return build_ruleset(_read(f"{folder}/ruleset.yaml"), [_read(f"{folder}/{name}") for name in names])


def _read(path: str) -> Any:
    return read_content(f"law/{path}")
