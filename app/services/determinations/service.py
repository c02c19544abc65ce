"""Judging a visit: in the unit that processes a package, before its receipt; and again when a person answers at the desk.

Common case: one read (the trade) or two, and one write, whatever the number of clauses. No entity is loaded.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.ids import new_id
from app.db.rows import Rows
from app.models.determinations import FactSheetRecord, VerdictRecord
from app.models.history import Change
from app.rules.evaluator import determine
from app.rules.ruleset import Ruleset
from app.services.audit.service import Act, rows_of_acts
from app.services.determinations.content import ruleset_on
from app.services.determinations.facts import (
    PackageFacts,
    Sheet,
    combine,
    sheet_of,
    stored_facts,
    stored_findings,
)
from app.services.determinations.repository import (
    find_trades,
    list_sheets,
    list_standing,
    outdate_verdicts,
    supersede_sheet,
)
from app.services.determinations.statements import (
    DECIDED,
    Difference,
    Said,
    Standing,
    Statement,
    difference,
    statements_of,
)


async def determination_sets(session: AsyncSession, actor: Actor, package: PackageFacts) -> tuple[Rows, ...]:
    """Judge a package: the rows that keep what it says and what its visit's packages together suspect or leave open.

    The caller writes them, in this unit of work, in one statement with its own. A package that supersedes another takes its
    place, also when that one belonged to another visit: then both visits are judged, and both are locked. Call it once a package.
    """
    concerned = (None if package.visit_is_new else package.visit_id, package.superseded_visit_id)
    visits = [visit_id for visit_id in concerned if visit_id is not None]
    if not visits and package.trades is not None:
        trades = list(package.trades)
    else:
        trades = await find_trades(session, package.enterprise_id, *visits)
    earlier: list[tuple[UUID, Sheet]] = []
    if visits:
        earlier = await list_sheets(session, package.visit_id, package.supersedes_id)
    corrected = next(
        (one for one in earlier if package.supersedes_id and one[1].package_id == package.supersedes_id), None
    )
    unit_id = package.risk_unit_id or (corrected[1].unit_id if corrected else None) or package.package_id
    record = _package_record(package, trades, unit_id)
    sheets = [one[1] for one in earlier if one[0] == package.visit_id and one is not corrected]
    standing = await list_standing(session, package.visit_id) if earlier else []
    sets = await judge_visit(session, actor, record, [*sheets, sheet_of(record)], standing)
    if corrected is None:
        return sets
    await supersede_sheet(session, corrected[1].id)
    if corrected[0] == package.visit_id:
        return sets
    return (*sets, *await _judge_without(session, actor, corrected[0]))


async def judge_visit(
    session: AsyncSession,
    actor: Actor,
    record: dict[str, Any],
    sheets: Sequence[Sheet],
    standing: Sequence[Standing],
) -> tuple[Rows, ...]:
    """Judge everything the sheets say: the rows of the new sheet (the last of them) and of what is said otherwise now."""
    ruleset, said = _judge(record, sheets, explain_all=bool(standing))
    record = {
        **record,
        "ruleset": ruleset.name if ruleset else None,
        "judged": said.judged,
    }
    return await _rows(session, actor, record, said, difference(standing, said), is_new=True)


async def _judge_without(session: AsyncSession, actor: Actor, visit_id: UUID) -> tuple[Rows, ...]:
    """A visit lost a package to another visit: what its other packages say, if there are any, is judged again."""
    found = await session.execute(
        select(FactSheetRecord)
        .where(FactSheetRecord.visit_id == visit_id, ~FactSheetRecord.is_superseded)
        .order_by(FactSheetRecord.id)
    )
    records = list(found.scalars())
    standing = await list_standing(session, visit_id)
    if not any(record.package_id for record in records):
        undecided = [one.id for one in standing if one.status not in DECIDED]
        if undecided:
            await outdate_verdicts(session, undecided)
        return ()
    record = {column.name: getattr(records[-1], column.name) for column in FactSheetRecord.__table__.columns}
    _, said = _judge(record, [sheet_of(vars(one)) for one in records], explain_all=True)
    return await _rows(session, actor, record, said, difference(standing, said), is_new=False)


def _judge(
    record: Mapping[str, Any], sheets: Sequence[Sheet], *, explain_all: bool
) -> tuple[Ruleset | None, Said]:
    """`explain_all`: what does not concern people may have to replace something said before, then with its reasons."""
    known = combine(sheets, enterprise_id=record["enterprise_id"], site_id=record["site_id"])
    ruleset = ruleset_on(known.legal_on)
    judged = determine(ruleset, known.trades, known.facts, known.findings, explain_all=explain_all)
    return ruleset, statements_of(ruleset, known, judged)


async def _rows(
    session: AsyncSession,
    actor: Actor,
    record: Mapping[str, Any],
    said: Said,
    changed: Difference,
    *,
    is_new: bool,
) -> tuple[Rows, ...]:
    """The rows to write; only where something said before is no longer current is a statement sent here."""
    region_id = record["region_id"]
    versions = await outdate_verdicts(session, changed.outdated) if changed.outdated else {}
    verdicts = [_verdict_row(record, statement, replaced) for statement, replaced in changed.new]
    audit, (_, changes) = rows_of_acts(actor, [_act(record, said)])
    told = [(row["id"], 1) for row in verdicts] + list(versions.items())
    return (
        (FactSheetRecord, [record] if is_new else []),
        (VerdictRecord, verdicts),
        audit,
        (Change, [*changes, *(_change(identifier, version, region_id) for identifier, version in told)]),
    )


def _package_record(package: PackageFacts, trades: list[str], unit_id: UUID) -> dict[str, Any]:
    return {
        "id": new_id(),
        "package_id": package.package_id,
        "unit_id": unit_id,
        "is_superseded": False,
        "visit_id": package.visit_id,
        "authority_id": package.authority_id,
        "enterprise_id": package.enterprise_id,
        "site_id": package.site_id,
        "region_id": package.region_id,
        "officer_ids": list(dict.fromkeys(package.officer_ids)),
        "legal_on": package.legal_on,
        "trades": trades,
        "facts": stored_facts(package.facts, package.package_id, unit_id),
        "findings": stored_findings(package.findings, package.package_id),
        "for_a_person": list(package.for_a_person),
    }


def _verdict_row(record: Mapping[str, Any], statement: Statement, replaces_id: UUID | None) -> dict[str, Any]:
    same = ("package_id", "visit_id", "enterprise_id", "site_id", "region_id")
    return {
        **{name: record[name] for name in same},
        "id": new_id(),
        "fact_sheet_id": record["id"],
        "kind": statement.kind,
        "clause_id": statement.clause_id,
        "subject_kind": statement.subject_kind,
        "subject_id": statement.subject_id,
        "source": statement.source,
        "explanation": statement.explanation,
        "missing": list(statement.missing),
        "replaces_id": replaces_id,
        "version": 1,
    }


def _act(record: Mapping[str, Any], said: Said) -> Act:
    """One act a sheet: how much of each kind was said."""
    counts: dict[str, int] = {}
    for statement in said.statements:
        counts[statement.kind] = counts.get(statement.kind, 0) + 1
    return Act(
        action="determinations:determine",
        kind="fact_sheet",
        object_id=record["id"],
        version=1,
        region_id=record["region_id"],
        after={"visit_id": record["visit_id"], "ruleset": record["ruleset"], **counts},
    )


def _change(verdict_id: UUID, version: int, region_id: UUID) -> dict[str, Any]:
    return {
        "kind": "verdict",
        "object_id": verdict_id,
        "version": version,
        "region_id": region_id,
        "previous_region_id": None,
    }
