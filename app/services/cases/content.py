"""The law a case cites, as shipped: documents by version, liability articles. Read once, no database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from app.content.reading import read_content
from app.core.wording import Wording
from app.enums.cases import Capacity, PartyKind, Stage
from app.services.cases.errors import ArticleNotInForceProblem, UnknownArticleProblem

FEN_PER_YUAN = 100


@dataclass(frozen=True, slots=True)
class Document:
    """One version of a law or rule; `in_force_until` is its last day, None dates are not known or open."""

    code: str
    version: str
    title: Wording
    in_force_from: date | None
    in_force_until: date | None
    successor: str | None
    to_be_confirmed: bool

    def in_force(self, on: date) -> bool:
        """True unless a known date says otherwise."""
        began = self.in_force_from is None or self.in_force_from <= on
        return began and (self.in_force_until is None or on <= self.in_force_until)


@dataclass(frozen=True, slots=True)
class Liability:
    """Whom an article reaches at one stage. Ranges in fen, both ends included; None: no fine stated as a range."""

    order: Wording | None
    reaches_entity: bool
    entity_fen: tuple[int, int] | None
    persons: frozenset[Capacity]
    person_fen: tuple[int, int] | None
    is_discretionary: bool
    suspends: bool
    formula: Wording | None

    def reaches(self, kind: PartyKind, capacity: Capacity | None) -> bool:
        """Whether such a party answers here."""
        return self.reaches_entity if kind is PartyKind.ENTITY else capacity in self.persons


@dataclass(frozen=True, slots=True)
class Penalty:
    """One liability article in the version of its document. `stages` empty: its content is not carried."""

    code: str
    document: Document
    article: str
    title: Wording
    stages: Mapping[Stage, Liability]
    successor: str | None
    to_be_confirmed: bool

    def reaches(self, stage: Stage, kind: PartyKind, capacity: Capacity | None) -> bool:
        """Whether such a party answers at the stage; an article without content is left to a person."""
        if not self.stages:
            return True
        liability = self.stages.get(stage)
        return liability is not None and liability.reaches(kind, capacity)


@cache
def documents() -> tuple[Document, ...]:
    """Every document, every version."""
    return tuple(
        Document(
            one["code"],
            one["version"],
            Wording(**one["title"]),
            _date(one.get("in_force_from")),
            _date(one.get("in_force_until")),
            one.get("successor"),
            one.get("to_be_confirmed", False),
        )
        for one in _read("documents.yaml")
    )


@cache
def penalties() -> Mapping[str, Penalty]:
    """The liability articles by code."""
    found = [*_articles("work_safety_law.yaml"), *_articles("confined_space.yaml"), *_superseded()]
    by_code = {one.code: one for one in found}
    assert len(by_code) == len(found), "a liability article is declared twice"
    return by_code


def penalty_on(code: str, facts_on: date) -> Penalty:
    """The article by which facts of that date are judged; raises when unknown or not in force, naming its successor."""
    penalty = penalties().get(code)
    if penalty is None:
        raise UnknownArticleProblem(article=code)
    if not penalty.document.in_force(facts_on):
        raise _not_in_force(code, penalty.document, facts_on, penalty.successor)
    return penalty


def document_on(code: str, article: str, facts_on: date) -> Document:
    """The version of a document in force on that date; raises when there is none, naming its successor."""
    versions = [one for one in documents() if one.code == code]
    if not versions:
        raise UnknownArticleProblem(article=code)
    for version in versions:
        if version.in_force(facts_on):
            return version
    raise _not_in_force(f"{code} {article}", versions[-1], facts_on, None)


def penalties_on(facts_on: date) -> list[Penalty]:
    """What may be cited for facts of that date, in the order of the content."""
    return [one for one in penalties().values() if one.document.in_force(facts_on)]


def _not_in_force(
    article: str, document: Document, facts_on: date, successor: str | None
) -> ArticleNotInForceProblem:
    has_ended = document.in_force_until is not None and facts_on > document.in_force_until
    return ArticleNotInForceProblem(
        article=article,
        facts_on=facts_on.isoformat(),
        in_force_from=document.in_force_from.isoformat() if document.in_force_from else "?",
        in_force_until=document.in_force_until.isoformat() if document.in_force_until else "—",
        successor=(successor or document.successor or "—") if has_ended else "—",
    )


def _articles(name: str) -> Iterator[Penalty]:
    body = _read(f"penalties/{name}")
    document = _document(body["document"], body["version"])
    prefix = body.get("code_prefix", body["document"])
    uncertain = body.get("to_be_confirmed", False) or document.to_be_confirmed
    for article in body["articles"]:
        for item in article.get("items", [{}]):
            own = {**article, **item}
            number, part = str(article["article"]), item.get("item")
            yield Penalty(
                code=f"{prefix}-{number}-{part}" if part else f"{prefix}-{number}",
                document=document,
                article=f"{number}({part})" if part else number,
                title=Wording(**own["title"]),
                stages={stage: _liability(own[stage]) for stage in Stage if stage in own},
                successor=None,
                to_be_confirmed=uncertain,
            )


def _superseded() -> Iterator[Penalty]:
    for one in _read("penalties/superseded.yaml"):
        document = _document(one["document"], one["version"])
        yield Penalty(
            one["code"], document, one["article"], Wording(**one["title"]), {}, one["successor"], True
        )


def _liability(body: Mapping[str, Any]) -> Liability:
    entity = body.get("entity")
    return Liability(
        order=_wording(body.get("order")),
        reaches_entity=entity is not None,
        entity_fen=_range(entity) if isinstance(entity, list) else None,
        persons=frozenset(Capacity(one) for one in body.get("persons", ())),
        person_fen=_range(body["person"]) if "person" in body else None,
        is_discretionary=body.get("discretionary", False),
        suspends=body.get("suspension", False),
        formula=_wording(body.get("formula")),
    )


def _range(yuan: list[int]) -> tuple[int, int]:
    low, high = yuan
    return low * FEN_PER_YUAN, high * FEN_PER_YUAN


def _wording(body: Mapping[str, str] | None) -> Wording | None:
    return Wording(**body) if body else None


def _document(code: str, version: str) -> Document:
    return next(one for one in documents() if (one.code, one.version) == (code, version))


def _date(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


def _read(path: str) -> Any:
    return read_content(f"law/{path}")
