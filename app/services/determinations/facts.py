"""From what a package's answers say to the facts the rules judge, and back from JSON. Pure.

A fact's source is `package:<id>/<question path>` or `desk:<sheet id>`; a finding's source is its question's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from app.rules.evaluator import Finding
from app.rules.facts import Fact, Subject
from app.services.checklists.facts import AnswerFact


@dataclass(frozen=True, slots=True)
class FoundItem:
    """A finding: its question's path, and the clauses its checklist item points to."""

    path: str
    clauses: Sequence[str]


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """What one package adds to what is known of a visit. `root_id`: the first package of its line of corrections."""

    package_id: UUID
    supersedes_id: UUID | None
    visit_id: UUID
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    legal_on: date
    facts: Sequence[AnswerFact]
    findings: Sequence[FoundItem]


def source_of(package_id: UUID, path: str) -> str:
    """Where a fact of a package comes from."""
    return f"package:{package_id}/{path}"


def question_of(source: str) -> tuple[UUID, str] | None:
    """(package, question path) of a source; None: the desk or a register."""
    kind, _, rest = source.partition(":")
    package_id, _, path = rest.partition("/")
    return (UUID(package_id), path) if kind == "package" else None


def stored_facts(facts: Iterable[AnswerFact], package_id: UUID) -> list[dict[str, Any]]:
    """Answer facts as a sheet keeps them; keys of no clause stay aside."""
    return [
        {
            "subject": fact.subject.value,
            "entry": fact.question.rpartition("/")[0] if fact.entry else None,
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


def read_facts(
    stored: Iterable[dict[str, Any]], *, enterprise_id: UUID, site_id: UUID, unit_id: UUID | None
) -> list[Fact]:
    """Stored facts as the rules take them: a worker or place within its unit, the unit within the site, and so on."""
    return [
        Fact(_subject(row, enterprise_id, site_id, unit_id), row["key"], row["value"], row["source"])
        for row in stored
    ]


def read_findings(stored: Iterable[dict[str, Any]]) -> list[Finding]:
    """Stored findings as the rules take them."""
    return [Finding(row["source"], tuple(row["clauses"])) for row in stored]


def _subject(row: dict[str, Any], enterprise_id: UUID, site_id: UUID, unit_id: UUID | None) -> Subject:
    enterprise = Subject("enterprise", str(enterprise_id))
    site = Subject("site", str(site_id), enterprise)
    kind, entry = row["subject"], row["entry"]
    if kind == "enterprise":
        return enterprise
    if kind == "site":
        return site
    # A desk answer names the unit of the verdict it answers.
    name = row.get("unit") or str(unit_id)
    unit = Subject("unit", name, site)
    return unit if kind == "unit" else Subject(kind, f"{name}/{entry}" if entry else name, unit)
