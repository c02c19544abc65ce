"""The law as this process holds it: rule sets by date in force, other standards, question sets. Read once, no database.

What ships with the program is read here from its files; what the bureau has published since is handed over by holding.py.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from app.content.reading import content_names, read_content
from app.rules.facts import FactDefinition, Text
from app.rules.ruleset import Clause, Ruleset, build_ruleset, in_force, succession
from app.services.determinations.errors import ClauseUnknownProblem

RULESET_FOLDERS = ("order10",)
"""One folder per version of a standard; a new version is a new folder, an old one is never rewritten."""


@dataclass(frozen=True, slots=True)
class Standard:
    """A determination standard of some field.

    `route`: judged (by `ruleset`), person (its conditions are not held), refer (to another authority, `refer_to`).
    `trades`: whose enterprises it is for; None: it is for a matter, wherever that is found.
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


QuestionSets = Mapping[str, tuple[Question, ...]]
"""By clause: a question for each of its facts."""


@dataclass(frozen=True, slots=True)
class Publication:
    """That a version was published here: its row, by whom and when. `is_revoked`: it never came, or comes, into force."""

    id: UUID
    content_hash: str
    published_by: UUID | None
    published_at: datetime
    is_revoked: bool


@dataclass(frozen=True, slots=True)
class Edition:
    """A version with its questions; `publication` None: shipped with the program."""

    ruleset: Ruleset
    questions: QuestionSets
    publication: Publication | None = None

    @property
    def is_revoked(self) -> bool:
        """Revoked before it came into force; verdicts that named it are explained by it all the same."""
        return self.publication is not None and self.publication.is_revoked


class _Held:
    """Every version of this process, each with the days on which it is in force. Replaced as a whole, never changed."""

    def __init__(self, editions: Collection[Edition]) -> None:
        standing = [one.ruleset for one in editions if not one.is_revoked]
        self.rulesets = succession(standing)
        by_name = {one.name: one for one in self.rulesets}
        self.editions = {
            one.ruleset.name: replace(one, ruleset=by_name.get(one.ruleset.name, one.ruleset))
            for one in editions
        }


def load_law() -> None:
    """Read everything now, so that no package waits for it."""
    editions()
    all_standards()


_held: _Held | None = None


def hold(published: Collection[Edition]) -> None:
    """From now on this process judges by the shipped versions and by these."""
    global _held
    _held = _Held([*_shipped(), *published])


def _now_held() -> _Held:
    if _held is None:
        hold(())
    assert _held is not None
    return _held


@cache
def shipped_rulesets() -> tuple[Ruleset, ...]:
    """The versions inside the package."""
    return tuple(build_ruleset(*_files(folder)) for folder in RULESET_FOLDERS)


@cache
def _shipped() -> tuple[Edition, ...]:
    return tuple(Edition(one, question_sets()) for one in shipped_rulesets())


@cache
def shipped_documents() -> tuple[dict[str, Any], ...]:
    """The shipped versions as they are written: head, articles, questions; what a draft may start from. To be read only."""
    found = []
    for folder in RULESET_FOLDERS:
        head, articles = _files(folder)
        clauses = [clause["id"] for article in articles for clause in article["clauses"]]
        asked = _read("question_sets.yaml")
        found.append({"head": head, "articles": articles, "questions": {one: asked[one] for one in clauses}})
    return tuple(found)


def editions() -> tuple[Edition, ...]:
    """Every version this process holds, revoked ones too: the shipped first."""
    return tuple(_now_held().editions.values())


def rulesets() -> tuple[Ruleset, ...]:
    """Every version the machine decides by, shipped or published, with the days on which it is in force."""
    return _now_held().rulesets


def ruleset_on(on_date: date) -> Ruleset | None:
    """The version by which facts of a date are judged; None: none is held for that date."""
    return in_force(rulesets(), on_date)


def find_ruleset(identifier: str, version: str) -> Ruleset | None:
    """A version by its name: a verdict is explained by the version it was judged by."""
    return ruleset_named(f"{identifier}:{version}")


def ruleset_named(name: str) -> Ruleset | None:
    """The same by the name that sheets keep, "MEM10:2023"."""
    found = _now_held().editions.get(name)
    return found.ruleset if found else None


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
    return [standard for standard in all_standards() if standard.may_be_in_force(on_date)]


@cache
def question_sets() -> QuestionSets:
    """The questions that ship with the program."""
    return make_questions(shipped_rulesets(), _read("question_sets.yaml"))


def make_questions(
    versions: Collection[Ruleset], asked: Mapping[str, Sequence[Mapping[str, str]]]
) -> QuestionSets:
    """Question sets from plain data (clause → key, zh, en) for the facts of these versions."""
    clauses = (clause for one in versions for clause in one.clauses.values())
    definitions = {fact.key: fact for clause in clauses for fact in clause.facts.values()}
    return {
        clause_id: tuple(Question(definitions[one["key"]], Text(one["zh"], one["en"])) for one in questions)
        for clause_id, questions in asked.items()
    }


def questions_of(ruleset: Ruleset, clause_id: str) -> tuple[Question, ...]:
    """The questions of a clause, as the version it is judged by has them."""
    return _now_held().editions[ruleset.name].questions[clause_id]


@cache
def all_standards() -> tuple[Standard, ...]:
    """Every standard of every field and date."""
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


def _files(folder: str) -> tuple[Any, list[Any]]:
    names = [name for name in content_names(f"law/{folder}") if name.startswith("article-")]
    return _read(f"{folder}/ruleset.yaml"), [_read(f"{folder}/{name}") for name in names]


def _read(path: str) -> Any:
    return read_content(f"law/{path}")
