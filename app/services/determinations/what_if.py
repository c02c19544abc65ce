"""Judging facts that nobody has stated: the same rules, the same words, and nothing is kept."""

from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.rules.evaluator import Verdict, determine
from app.rules.facts import Fact, Subject
from app.rules.ruleset import Ruleset
from app.schemas.determinations import (
    CoverageView,
    FewestQuestions,
    QuestionView,
    StatedFact,
    WhatIfRequest,
    WhatIfVerdict,
    WhatIfView,
)
from app.services.checklists.content import parse_checklist
from app.services.checklists.repository import list_current_versions
from app.services.determinations.content import ruleset_on
from app.services.determinations.coverage import cover
from app.services.determinations.describing import (
    describe_coverage,
    describe_explanation,
    describe_interview,
    describe_standards,
)
from app.services.determinations.statements import clause_statement

SOURCE = "what_if"
ENTERPRISE = Subject("enterprise", "what_if")
SITE = Subject("site", "what_if", ENTERPRISE)


def judge_what_if(request: WhatIfRequest) -> WhatIfView:
    """The verdicts on these facts by the standard in force on their date (today unless told), with reasons and questions.

    A key of no clause is named in `unknown_keys`, never guessed at.
    """
    on = request.on or shanghai_today()
    ruleset = ruleset_on(on)
    known = {key for clause in ruleset.clauses.values() for key in clause.keys} if ruleset else set()
    judged = determine(ruleset, request.trades, [_fact(one) for one in request.facts])
    return WhatIfView(
        on=on,
        ruleset=ruleset.name if ruleset else None,
        standards=describe_standards(request.trades, on),
        verdicts=[_view(ruleset, request.trades, one) for one in judged.verdicts] if ruleset else [],
        unknown_keys=sorted({one.key for one in request.facts} - known),
    )


async def coverage_on_day(session: AsyncSession, on: date) -> CoverageView:
    """Which clauses in force on a day the checklists in force on that day speak of."""
    ruleset = ruleset_on(on)
    if ruleset is None:
        return CoverageView(on=on, ruleset=None, clauses=[], idle_items=[])
    checklists = [parse_checklist(version.body) for version, _ in await list_current_versions(session, on)]
    return describe_coverage(ruleset, cover(ruleset, checklists), on)


def _fact(stated: StatedFact) -> Fact:
    return Fact(_subject(stated.subject_kind, stated.subject_id), stated.key, stated.value, SOURCE)


def _subject(kind: str, identifier: str) -> Subject:
    """A worker or place lies within its unit, the unit within the site, the site within the enterprise."""
    if kind in ("enterprise", "site"):
        return ENTERPRISE if kind == "enterprise" else SITE
    if kind == "unit":
        return Subject("unit", identifier, SITE)
    return Subject(kind, identifier, Subject("unit", identifier.partition("/")[0], SITE))


def _view(ruleset: Ruleset, trades: list[str], verdict: Verdict) -> WhatIfVerdict:
    statement = clause_statement(ruleset, trades, verdict)
    questions: list[QuestionView] = []
    fewest: FewestQuestions | None = None
    if statement.missing:
        questions, fewest = describe_interview(
            ruleset, verdict.clause_id, statement.explanation, statement.missing
        )
    return WhatIfVerdict(
        clause_id=verdict.clause_id,
        subject_kind=verdict.subject.kind,
        subject_id=verdict.subject.id,
        kind=verdict.kind.value,
        explanation=describe_explanation(verdict.kind.value, statement.explanation, verdict.clause_id),
        questions=questions,
        fewest=fewest,
    )
