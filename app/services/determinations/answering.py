"""Answering at the desk what a clause left open: a sheet of its own, and the visit is judged again."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.ids import new_id
from app.db.rows import insert_rows
from app.models.determinations import FactSheetRecord, VerdictRecord
from app.rules.evaluator import TRADE_KEY
from app.rules.facts import FactProblem, read_value
from app.services.determinations.access import get_verdict, list_visit_sheets, require_for
from app.services.determinations.content import find_clause, trade_codes
from app.services.determinations.errors import (
    AnswerRefusedProblem,
    VerdictOutdatedProblem,
    VerdictStateProblem,
)
from app.services.determinations.facts import sheet_of
from app.services.determinations.repository import find_trades, list_standing
from app.services.determinations.service import judge_visit
from app.services.determinations.workflow import VERIFY

Answers = Mapping[str, bool | int | float | str]


async def answer_questions(
    session: AsyncSession, actor: Actor, verdict_id: UUID, answers: Answers, note: str
) -> UUID:
    """State facts that an undetermined verdict asks for, about its own subject, and judge its visit again; gives the visit's id.

    Raises AnswerRefusedProblem (a key that is not open, a value that is not of its type), VerdictStateProblem,
    VerdictOutdatedProblem.
    """
    verdict = await get_verdict(session, actor, verdict_id)
    await require_for(session, actor, VERIFY, verdict)
    trades = await find_trades(session, verdict.enterprise_id, verdict.visit_id)
    standing = await list_standing(session, verdict.visit_id)
    now = next((one for one in standing if one.id == verdict_id), None)
    if now is None:
        raise VerdictOutdatedProblem
    if (now.kind, now.status) != ("undetermined", "open"):
        raise VerdictStateProblem(status=now.status, kind=now.kind)
    records = [
        one for one in await list_visit_sheets(session, actor, verdict.visit_id) if not one.is_superseded
    ]
    record = _desk_record(actor, verdict, records[-1], trades, note)
    record["facts"] = [_stated(verdict, records[-1], record["id"], key, answers[key]) for key in answers]
    sheets = [sheet_of(vars(one)) for one in records]
    await insert_rows(
        session, *await judge_visit(session, actor, record, [*sheets, sheet_of(record)], standing)
    )
    return verdict.visit_id


def open_keys(verdict: VerdictRecord) -> list[str]:
    """The facts that may be stated: those asked for first, then whatever else of the clause is not known."""
    unknown = [
        fact["key"]
        for condition in verdict.explanation.get("conditions", ())
        for fact in condition["facts"]
        if fact["value"] is None
    ]
    return list(dict.fromkeys([*verdict.missing, *unknown]))


def _desk_record(
    actor: Actor, verdict: VerdictRecord, latest: FactSheetRecord, trades: list[str], note: str
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "package_id": None,
        "root_package_id": None,
        "is_superseded": False,
        "visit_id": verdict.visit_id,
        "authority_id": latest.authority_id,
        "enterprise_id": verdict.enterprise_id,
        "site_id": verdict.site_id,
        "region_id": verdict.region_id,
        "officer_ids": [],
        "legal_on": latest.legal_on,
        "trades": trades,
        "findings": [],
        "for_a_person": [],
        "stated_by": actor.user_id,
        "note": note,
    }


def _stated(
    verdict: VerdictRecord, latest: FactSheetRecord, sheet_id: UUID, key: str, value: Any
) -> dict[str, Any]:
    if key not in open_keys(verdict) or not _is_of_its_type(verdict, latest, key, value):
        raise AnswerRefusedProblem(key=key)
    return {
        "subject": verdict.subject_kind,
        "id": verdict.subject_id,
        "key": key,
        "value": value,
        "source": f"desk:{sheet_id}",
    }


def _is_of_its_type(verdict: VerdictRecord, latest: FactSheetRecord, key: str, value: Any) -> bool:
    if key == TRADE_KEY:
        return value in trade_codes(latest.legal_on)
    clause = find_clause(verdict.clause_id or "", latest.legal_on)
    definition = next((one for one in clause.facts.values() if one.key == key), None) if clause else None
    if definition is None:
        return False
    return read_value(definition, value)[1] in (None, FactProblem.EFFECT_NOT_CHECKED)
