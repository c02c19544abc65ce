"""What a confirmed verdict rests on: the answers that gave its facts, and which of them were findings. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from app.core.actor import Actor
from app.models.determinations import FactSheetRecord, VerdictRecord
from app.services.determinations.content import find_clause, find_ruleset
from app.services.determinations.events import MajorHazardConfirmed, QuestionOf
from app.services.determinations.facts import Known, combine, question_of, sheet_of


def confirmed_news(
    actor: Actor, verdict: VerdictRecord, sheets: Sequence[FactSheetRecord]
) -> MajorHazardConfirmed:
    """The news of a confirmation, from the sheets of the visit that stand now."""
    standing = [sheet for sheet in sheets if not sheet.is_superseded] or list(sheets)
    known = combine(
        [sheet_of(vars(one)) for one in standing],
        enterprise_id=verdict.enterprise_id,
        site_id=verdict.site_id,
    )
    questions = _questions(verdict, known)
    found = {question_of(finding.source) for finding in known.findings}
    stated = (one for one in questions if one in found)
    findings = tuple(dict.fromkeys([*stated, *_cited(verdict, known)]))
    assert verdict.major_clause is not None
    assert verdict.major_from is not None
    return MajorHazardConfirmed(
        actor=actor,
        verdict_id=verdict.id,
        clause=verdict.major_clause,
        major_from=verdict.major_from,
        visit_id=verdict.visit_id,
        package_id=next((sheet.package_id for sheet in standing if sheet.package_id), None),
        authority_id=next((sheet.authority_id for sheet in standing if sheet.authority_id), None),
        enterprise_id=verdict.enterprise_id,
        site_id=verdict.site_id,
        region_id=verdict.region_id,
        found_on=known.legal_on,
        subject=_subject(verdict, known),
        description=_description(verdict.major_clause, known.legal_on),
        findings=findings,
        questions=questions,
    )


def _questions(verdict: VerdictRecord, known: Known) -> tuple[QuestionOf, ...]:
    """The answers that speak of the verdict's clause and subject, outer subjects included; or the one finding itself."""
    if verdict.clause_id is None:
        return _distinct([verdict.source or ""])
    said = verdict.explanation
    ruleset = find_ruleset(said.get("ruleset") or "", said.get("version") or "")
    clause = ruleset.clauses.get(verdict.clause_id) if ruleset else None
    if clause is None:
        return ()
    keys = set(clause.keys)
    chain = {(one.kind, one.id) for one in _chain(verdict, known)}
    return _distinct(
        fact.source
        for fact in known.facts
        if fact.key in keys and (fact.subject.kind, fact.subject.id) in chain
    )


def _cited(verdict: VerdictRecord, known: Known) -> tuple[QuestionOf, ...]:
    """Findings about the same subject whose checklist item points to the clause, though it states no fact of its own."""
    return _distinct(
        finding.source
        for finding in known.findings
        if verdict.clause_id in finding.clauses and _is_about(verdict, finding.source, known)
    )


def _is_about(verdict: VerdictRecord, source: str, known: Known) -> bool:
    question = question_of(source)
    if question is None:
        return False
    if verdict.subject_kind in ("enterprise", "site"):
        return True
    unit, _, entry = (verdict.subject_id or "").partition("/")
    return str(known.units.get(question[0])) == unit and question[1].rpartition("/")[0] in ("", entry)


def _subject(verdict: VerdictRecord, known: Known) -> str | None:
    """The entry of a repeated section, or the name a person gave; None: the checked unit as a whole, the site, the enterprise."""
    if verdict.subject_kind in ("enterprise", "site"):
        return None
    unit, _, entry = (verdict.subject_id or "").partition("/")
    return entry or (None if unit in map(str, known.units.values()) else unit) or None


def _chain(verdict: VerdictRecord, known: Known) -> list[Any]:
    for fact in known.facts:
        if (fact.subject.kind, fact.subject.id) == (verdict.subject_kind, verdict.subject_id):
            return fact.subject.chain()
    return []


def _distinct(sources: Iterable[str]) -> tuple[QuestionOf, ...]:
    return tuple(dict.fromkeys(one for source in sources if (one := question_of(source)) is not None))


def _description(clause_id: str, on_date: date) -> str:
    clause = find_clause(clause_id, on_date)
    return clause.text.zh if clause else f"经核查确认的重大事故隐患（{clause_id}）"
