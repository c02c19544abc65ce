"""Reading determinations: filtered lists of verdicts, one verdict with its history, everything known and said of a visit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from app.core.actor import Actor
from app.core.paging import Page, PageRequest
from app.models.determinations import FactSheetRecord, VerdictRecord, VerdictStep, Verification
from app.rules.evaluator import determine
from app.schemas.determinations import (
    ExplainedVerdict,
    FewestQuestions,
    QuestionView,
    QuietVerdict,
    SheetView,
    VerdictDetail,
    VerdictStepView,
    VerdictView,
    VerificationView,
    VisitDetermination,
)
from app.services.determinations.access import READ, get_verdict, list_visit_sheets
from app.services.determinations.answering import open_keys
from app.services.determinations.content import find_ruleset, ruleset_named
from app.services.determinations.describing import (
    describe_explanation,
    describe_interview,
    describe_standards,
)
from app.services.determinations.facts import combine, sheet_of
from app.services.determinations.statements import Said, statements_of
from app.services.identity.places import lies_in


@dataclass(frozen=True, slots=True)
class VerdictFilter:
    """What a list is narrowed to; None means all."""

    region_id: UUID | None = None
    kinds: Sequence[str] | None = None
    statuses: Sequence[str] | None = None
    clause: str | None = None
    enterprise_id: UUID | None = None
    site_id: UUID | None = None
    visit_id: UUID | None = None
    is_current: bool | None = True


async def list_verdicts(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: VerdictFilter
) -> Page[VerdictRecord]:
    """Verdicts of the actor's regions, newest first, one statement."""
    conditions = _conditions(actor, narrowed)
    if request.after:
        conditions.append(VerdictRecord.id < request.after[0])
    without_reasons = defer(VerdictRecord.explanation, raiseload=True)
    wanted = select(VerdictRecord).options(without_reasons).where(*conditions)
    wanted = wanted.order_by(VerdictRecord.id.desc())
    rows = list((await session.execute(wanted.limit(request.limit + 1))).scalars())
    return Page.cut(rows, request, key=lambda row: (row.id,))


async def show_verdict(session: AsyncSession, actor: Actor, verdict_id: UUID) -> VerdictDetail:
    """One verdict with its reasons, its questions and what people did; raises NotFoundProblem."""
    verdict = await get_verdict(session, actor, verdict_id)
    verifications = select(Verification).where(Verification.verdict_id == verdict_id)
    steps = select(VerdictStep).where(VerdictStep.verdict_id == verdict_id)
    said = (await session.execute(verifications.order_by(Verification.id))).scalars()
    done = (await session.execute(steps.order_by(VerdictStep.id))).scalars()
    return VerdictDetail(
        **_explained(verdict).model_dump(),
        confirmed_by=verdict.confirmed_by,
        confirmed_at=verdict.confirmed_at,
        confirmation_reason=verdict.confirmation_reason,
        verifications=[VerificationView.model_validate(row) for row in said],
        steps=[VerdictStepView.model_validate(row) for row in done],
    )


async def show_visit(session: AsyncSession, actor: Actor, visit_id: UUID) -> VisitDetermination:
    """The sheets of a visit, its verdicts (replaced ones too), and the clauses that did not match; two statements."""
    sheets = await list_visit_sheets(session, actor, visit_id)
    wanted = select(VerdictRecord).where(VerdictRecord.visit_id == visit_id).order_by(VerdictRecord.id)
    verdicts = (await session.execute(wanted)).scalars()
    standing = [sheet for sheet in sheets if not sheet.is_superseded] or sheets
    latest = standing[-1]
    known = combine(
        [sheet_of(vars(one)) for one in standing],
        enterprise_id=latest.enterprise_id,
        site_id=latest.site_id,
    )
    ruleset = ruleset_named(latest.ruleset) if latest.ruleset else None
    said = statements_of(ruleset, known, determine(ruleset, known.trades, known.facts, known.findings))
    return VisitDetermination(
        visit_id=visit_id,
        enterprise_id=latest.enterprise_id,
        site_id=latest.site_id,
        region_id=latest.region_id,
        legal_on=known.legal_on,
        trades=list(known.trades),
        standards=describe_standards(known.trades, known.legal_on),
        sheets=[SheetView.model_validate(sheet) for sheet in sheets],
        verdicts=[_explained(verdict) for verdict in verdicts],
        not_matched=_quiet(said),
        for_a_person=_for_a_person(standing),
    )


def _explained(verdict: VerdictRecord) -> ExplainedVerdict:
    explanation = describe_explanation(verdict.kind, verdict.explanation, verdict.clause_id)
    ruleset = find_ruleset(explanation.ruleset or "", explanation.version or "")
    questions: list[QuestionView] = []
    fewest: FewestQuestions | None = None
    if verdict.kind == "undetermined" and verdict.clause_id is not None and ruleset is not None:
        questions, fewest = describe_interview(
            ruleset, verdict.clause_id, verdict.explanation, open_keys(verdict)
        )
    return ExplainedVerdict(
        **VerdictView.model_validate(verdict).model_dump(),
        explanation=explanation,
        questions=questions,
        fewest=fewest,
    )


def _quiet(said: Said) -> list[QuietVerdict]:
    return [
        QuietVerdict(
            clause_id=one.clause_id or "",
            subject_kind=one.subject_kind or "",
            subject_id=one.subject_id or "",
            kind=one.kind,
            explanation=describe_explanation(one.kind, one.explanation, one.clause_id),
        )
        for one in said.quiet.values()
    ]


def _for_a_person(sheets: Sequence[FactSheetRecord]) -> list[str]:
    return list(dict.fromkeys(path for sheet in sheets for path in sheet.for_a_person))


def _conditions(actor: Actor, narrowed: VerdictFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [VerdictRecord.region_id.in_(actor.regions_for(READ))]
    if narrowed.region_id is not None:
        conditions.append(lies_in(VerdictRecord.region_id, narrowed.region_id))
    single: dict[str, Any] = {
        "clause_id": narrowed.clause,
        "enterprise_id": narrowed.enterprise_id,
        "site_id": narrowed.site_id,
        "visit_id": narrowed.visit_id,
        "is_current": narrowed.is_current,
    }
    conditions += [
        getattr(VerdictRecord, name) == value for name, value in single.items() if value is not None
    ]
    if narrowed.kinds:
        conditions.append(VerdictRecord.kind.in_(narrowed.kinds))
    if narrowed.statuses:
        conditions.append(VerdictRecord.status.in_(narrowed.statuses))
    return conditions
