"""Stating facts by hand, at the desk or on site: what a clause left open, or a clause that no checklist speaks of.

Each time a sheet of its own, and the visit is judged again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.db.rows import insert_rows
from app.models.determinations import FactSheetRecord, VerdictRecord
from app.rules.evaluator import TRADE_KEY
from app.rules.facts import FactProblem, FactSheet, Subject, read_value
from app.services.determinations.access import get_verdict, list_visit_sheets, require_for
from app.services.determinations.content import find_clause, trade_codes
from app.services.determinations.errors import (
    AnswerRefusedProblem,
    SubjectUnknownProblem,
    VerdictOutdatedProblem,
    VerdictStateProblem,
)
from app.services.determinations.facts import Known, Subjects, combine, sheet_of
from app.services.determinations.repository import find_trades, list_standing
from app.services.determinations.service import judge_visit
from app.services.determinations.workflow import VERIFY

Answers = Mapping[str, bool | int | float | str]


@dataclass(frozen=True, slots=True)
class About:
    """Of what facts are stated: a subject the visit knows (`id`), or one that is named here for the first time."""

    id: str | None = None
    name: str | None = None


async def answer_questions(
    session: AsyncSession, actor: Actor, verdict_id: UUID, answers: Answers, note: str
) -> UUID:
    """State facts that an undetermined verdict asks for, about its own subject, and judge its visit again; gives the visit's id.

    Raises AnswerRefusedProblem (a key that is not open, a value that is not of its type), VerdictStateProblem,
    VerdictOutdatedProblem.
    """
    verdict = await get_verdict(session, actor, verdict_id)
    await require_for(session, actor, VERIFY, verdict.region_id, verdict.visit_id)
    trades = await find_trades(session, verdict.enterprise_id, verdict.visit_id)
    standing = await list_standing(session, verdict.visit_id)
    now = next((one for one in standing if one.id == verdict_id), None)
    if now is None:
        raise VerdictOutdatedProblem
    if (now.kind, now.status) != ("undetermined", "open"):
        raise VerdictStateProblem(status=now.status, kind=now.kind)
    records = await _standing_sheets(session, actor, verdict.visit_id)
    keys = open_keys(verdict)
    subject = (verdict.subject_kind or "", verdict.subject_id or "")
    record = _desk_record(actor, records[-1], trades, note)
    sheets = [sheet_of(vars(one)) for one in records]
    known = combine(sheets, enterprise_id=verdict.enterprise_id, site_id=verdict.site_id)
    clause = verdict.clause_id or ""
    record["facts"] = _stated(record, known.legal_on, clause, subject, answers, keys.__contains__)
    await insert_rows(
        session, *await judge_visit(session, actor, record, [*sheets, sheet_of(record)], standing)
    )
    return verdict.visit_id


async def state_facts(
    session: AsyncSession,
    actor: Actor,
    visit_id: UUID,
    clause_id: str,
    about: About,
    answers: Answers,
    note: str,
) -> None:
    """Answer the question set of any clause about a subject of the visit, and judge the visit again.

    Raises NotFoundProblem (visit, clause), SubjectUnknownProblem, AnswerRefusedProblem (a key of another clause, one that is
    known already, a value that is not of its type).
    """
    sheets = await list_visit_sheets(session, actor, visit_id)
    await require_for(session, actor, VERIFY, sheets[-1].region_id, visit_id)
    trades = await find_trades(session, sheets[-1].enterprise_id, visit_id)
    standing = await list_standing(session, visit_id)
    records = await _standing_sheets(session, actor, visit_id)
    latest = records[-1]
    known = combine(
        [sheet_of(vars(one)) for one in records], enterprise_id=latest.enterprise_id, site_id=latest.site_id
    )
    clause = find_clause(clause_id, known.legal_on)
    if clause is None:
        raise NotFoundProblem
    subject = _find_subject(clause.subject, about, known, latest)
    facts = FactSheet(known.facts)
    unknown = [one.key for one in clause.facts.values() if facts.know(one, subject).value is None]
    record = _desk_record(actor, latest, trades, note)
    about_it = (subject.kind, subject.id)
    record["facts"] = _stated(record, known.legal_on, clause_id, about_it, answers, unknown.__contains__)
    stored = [sheet_of(vars(one)) for one in records]
    await insert_rows(
        session, *await judge_visit(session, actor, record, [*stored, sheet_of(record)], standing)
    )


def open_keys(verdict: VerdictRecord) -> list[str]:
    """The facts that may be stated: those asked for first, then whatever else of the clause is not known."""
    unknown = [
        fact["key"]
        for condition in verdict.explanation.get("conditions", ())
        for fact in condition["facts"]
        if fact["value"] is None
    ]
    return list(dict.fromkeys([*verdict.missing, *unknown]))


async def _standing_sheets(session: AsyncSession, actor: Actor, visit_id: UUID) -> list[FactSheetRecord]:
    """The sheets to judge with, read under the visit's lock."""
    sheets = await list_visit_sheets(session, actor, visit_id)
    standing = [one for one in sheets if not one.is_superseded]
    if not any(one.package_id for one in standing):
        raise VerdictOutdatedProblem
    return standing


def _find_subject(kind: str, about: About, known: Known, latest: FactSheetRecord) -> Subject:
    """The clause's kind of subject: the enterprise, one that is known by its id, or a new one by its name."""
    subjects = Subjects(latest.enterprise_id, latest.site_id)
    if kind in ("enterprise", "site"):
        return subjects.of(kind, "")
    if about.id is not None:
        seen = {fact.subject for fact in known.facts}
        units = {subjects.of("unit", str(root)) for root in known.units.values()}
        found = next((one for one in (*seen, *units) if one.id == about.id), None)
        if found is None:
            raise SubjectUnknownProblem
        return found
    if about.name is None:
        raise SubjectUnknownProblem
    return subjects.of(kind, about.name)


def _desk_record(actor: Actor, latest: FactSheetRecord, trades: Sequence[str], note: str) -> dict[str, Any]:
    same = ("visit_id", "authority_id", "enterprise_id", "site_id", "region_id", "legal_on")
    return {
        **{name: getattr(latest, name) for name in same},
        "id": new_id(),
        "package_id": None,
        "unit_id": None,
        "is_superseded": False,
        "officer_ids": [],
        "trades": list(trades),
        "findings": [],
        "for_a_person": [],
        "stated_by": actor.user_id,
        "note": note,
    }


def _stated(
    record: Mapping[str, Any],
    judged_on: date,
    clause_id: str,
    subject: tuple[str, str],
    answers: Answers,
    is_open: Callable[[str], bool],
) -> list[dict[str, Any]]:
    """The facts as the sheet keeps them, by the rules of the day the visit is judged on.

    Raises AnswerRefusedProblem at the first that is not wanted or not of its type.
    """
    for key, value in answers.items():
        if not is_open(key) or not _is_of_its_type(clause_id, judged_on, key, value):
            raise AnswerRefusedProblem(key=key)
    kind, identifier = subject
    source = f"desk:{record['id']}"
    return [
        {"subject": kind, "id": identifier, "key": key, "value": value, "source": source}
        for key, value in answers.items()
    ]


def _is_of_its_type(clause_id: str, judged_on: date, key: str, value: Any) -> bool:
    if key == TRADE_KEY:
        return value in trade_codes(judged_on)
    clause = find_clause(clause_id, judged_on)
    definition = next((one for one in clause.facts.values() if one.key == key), None) if clause else None
    if definition is None:
        return False
    return read_value(definition, value)[1] in (None, FactProblem.EFFECT_NOT_CHECKED)
