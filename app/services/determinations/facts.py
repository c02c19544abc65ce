"""From what a package's answers say to the facts the rules judge: what a sheet keeps, and what all sheets of a visit say. Pure.

A fact's source is `package:<id>/<question path>` or `desk:<sheet id>`; a finding's source is its question's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from app.rules.evaluator import TRADE_KEY, Finding
from app.rules.facts import Fact, Subject
from app.services.checklists.facts import AnswerFact


@dataclass(frozen=True, slots=True)
class FoundItem:
    """A finding: its question's path, and the clauses its checklist item points to."""

    path: str
    clauses: Sequence[str]


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """What one package adds to what is known of a visit. `for_a_person`: paths of answers that no limit of the item judges.

    `supersedes_id`: the package whose place it takes, of the visit `superseded_visit_id`.
    `visit_is_new`: this unit of work made the visit, so nothing else can be known of it yet. `trades`: the enterprise's
    regulated trades when the caller has read them already.
    """

    package_id: UUID
    supersedes_id: UUID | None
    visit_id: UUID
    authority_id: UUID
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    officer_ids: Sequence[UUID]
    legal_on: date
    facts: Sequence[AnswerFact]
    findings: Sequence[FoundItem]
    for_a_person: Sequence[str] = ()
    visit_is_new: bool = False
    trades: Sequence[str] | None = None
    risk_unit_id: UUID | None = None
    superseded_visit_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A stored sheet, as far as the rules care. `unit_id`: the checked unit (see stored_facts); None at the desk."""

    id: UUID
    package_id: UUID | None
    unit_id: UUID | None
    legal_on: date
    trades: Sequence[str]
    facts: Sequence[Mapping[str, Any]]
    findings: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Known:
    """Everything the sheets of a visit say together. `units`: the checked unit of each package."""

    legal_on: date
    trades: tuple[str, ...]
    facts: tuple[Fact, ...]
    findings: tuple[Finding, ...]
    units: Mapping[UUID, UUID]


def sheet_of(row: Mapping[str, Any]) -> Sheet:
    """A row of fact_sheets, stored or about to be, as the rules see it."""
    return Sheet(
        row["id"],
        row["package_id"],
        row["unit_id"],
        row["legal_on"],
        row["trades"],
        row["facts"],
        row["findings"],
    )


def source_of(package_id: UUID, path: str) -> str:
    """Where a fact of a package comes from."""
    return f"package:{package_id}/{path}"


def question_of(source: str) -> tuple[UUID, str] | None:
    """(package, question path) of a source; None: the desk or a register."""
    kind, _, rest = source.partition(":")
    package_id, _, path = rest.partition("/")
    return (UUID(package_id), path) if kind == "package" else None


def stored_facts(facts: Iterable[AnswerFact], package_id: UUID, unit_id: UUID) -> list[dict[str, Any]]:
    """Answer facts as a sheet keeps them; keys of no clause stay aside.

    The checked unit is the risk unit the package names, so that two phones speak of one furnace; without one it is named
    after the first package of its line, so that a correction speaks of the same unit. An entry of a repeated section (a
    worker, an isolation point) is named within it.
    """
    return [
        {
            "subject": fact.subject.value,
            "id": f"{unit_id}/{fact.question.rpartition('/')[0]}" if fact.entry else str(unit_id),
            "key": fact.key,
            "value": fact.value,
            "source": source_of(package_id, fact.question),
        }
        for fact in facts
        if not fact.supplementary
    ]


def stored_findings(findings: Iterable[FoundItem], package_id: UUID) -> list[dict[str, Any]]:
    """Findings as a sheet keeps them."""
    return [{"source": source_of(package_id, one.path), "clauses": list(one.clauses)} for one in findings]


def combine(sheets: Sequence[Sheet], *, enterprise_id: UUID, site_id: UUID) -> Known:
    """All that is known of a visit: its sheets that no correction superseded, oldest first, a package's among them.

    A desk answer settles what was said of that subject and key before it; what is said later stands beside it. The trade is
    the register's, or what the desk answered when it could not tell, until the register says something else.
    """
    subjects = Subjects(enterprise_id, site_id)
    stated: dict[tuple[Subject, str], list[Fact]] = {}
    trades = tuple(sheets[-1].trades)
    for sheet in sheets:
        for row in sheet.facts:
            if row["key"] == TRADE_KEY:
                trades = (row["value"],) if sheet.trades == sheets[-1].trades else trades
                continue
            fact = Fact(subjects.of(row["subject"], row["id"]), row["key"], row["value"], row["source"])
            if sheet.package_id is None:
                stated[fact.subject, fact.key] = [fact]
            else:
                stated.setdefault((fact.subject, fact.key), []).append(fact)
    return Known(
        legal_on=min(sheet.legal_on for sheet in sheets if sheet.package_id),
        trades=trades,
        facts=tuple(fact for facts in stated.values() for fact in facts),
        findings=tuple(
            Finding(row["source"], tuple(row["clauses"])) for sheet in sheets for row in sheet.findings
        ),
        units={sheet.package_id: sheet.unit_id for sheet in sheets if sheet.package_id and sheet.unit_id},
    )


class Subjects:
    """A worker or place lies within its unit, the unit within the site, the site within the enterprise."""

    def __init__(self, enterprise_id: UUID, site_id: UUID) -> None:
        enterprise = Subject("enterprise", str(enterprise_id))
        self._enterprise, self._site = enterprise, Subject("site", str(site_id), enterprise)
        self._known: dict[tuple[str, str], Subject] = {}

    def of(self, kind: str, identifier: str) -> Subject:
        """The subject of a kind and an id; of enterprise and site there is one each, whatever the id."""
        if kind == "enterprise":
            return self._enterprise
        if kind == "site":
            return self._site
        known = self._known.get((kind, identifier))
        if known is None:
            unit = None if kind == "unit" else self.of("unit", identifier.partition("/")[0])
            known = self._known[kind, identifier] = Subject(kind, identifier, unit or self._site)
        return known
