"""Determinations at the console: verdicts, a visit's facts and reasons, answers, verification, confirmation."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.enums.determinations import VerdictKind, VerdictStatus
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.schemas.determinations import (
    AnswersRequest,
    ClauseWithQuestions,
    ConfirmationRequest,
    CoverageView,
    MappingRequest,
    RejectionRequest,
    StandardView,
    StatedFactsRequest,
    TopicView,
    VerdictDetail,
    VerdictView,
    VerificationRequest,
    VisitDetermination,
    WhatIfRequest,
    WhatIfView,
)
from app.services.determinations.access import get_verdict
from app.services.determinations.answering import About, answer_questions, state_facts
from app.services.determinations.content import ruleset_on
from app.services.determinations.describing import describe_clauses, describe_standards, describe_topics
from app.services.determinations.reading import VerdictFilter, list_verdicts, show_verdict, show_visit
from app.services.determinations.verification import (
    confirm_verdict,
    map_finding,
    reject_verdict,
    verify_verdict,
)
from app.services.determinations.what_if import coverage_on_day, judge_what_if

router = APIRouter(prefix="/determinations", tags=["determinations"], route_class=IdempotentRoute)
READ = [Depends(allowed("determinations:read"))]
VERIFY = [Depends(allowed("determinations:verify"))]
CONFIRM = [Depends(allowed("determinations:confirm"))]


def _filter(
    region_id: UUID | None = None,
    kind: Annotated[list[VerdictKind] | None, Query()] = None,
    status: Annotated[list[VerdictStatus] | None, Query()] = None,
    clause: Annotated[str | None, Query(max_length=60)] = None,
    enterprise_id: UUID | None = None,
    site_id: UUID | None = None,
    visit_id: UUID | None = None,
    current: bool | None = True,
) -> VerdictFilter:
    return VerdictFilter(region_id, kind, status, clause, enterprise_id, site_id, visit_id, current)


Narrowed = Annotated[VerdictFilter, Depends(_filter)]


async def _read_version(session: AsyncSession, actor: Actor, verdict_id: UUID, expected: int) -> None:
    """Refuse a write on another version than the caller read."""
    check_version((await get_verdict(session, actor, verdict_id)).version, expected)


async def _shown(session: AsyncSession, actor: Actor, verdict_id: UUID, response: Response) -> VerdictDetail:
    shown = await show_verdict(session, actor, verdict_id)
    set_etag(response, shown.version)
    return shown


@router.get("", dependencies=READ)
async def get_verdicts(
    actor: CurrentActor, session: ReadSession, paging: PagingOf, narrowed: Narrowed
) -> PageOf[VerdictView]:
    """Verdicts of the caller's regions, newest first; only current ones unless `current=false`."""
    return paging.page(
        await list_verdicts(session, actor, paging.request, narrowed), VerdictView.model_validate
    )


@router.get("/clauses", dependencies=READ)
async def get_clauses(on: date | None = None) -> list[ClauseWithQuestions]:
    """The clauses in force on a day (today unless told), each with its question set; empty: none are held for that day."""
    ruleset = ruleset_on(on or shanghai_today())
    return describe_clauses(ruleset) if ruleset else []


@router.get("/coverage", dependencies=READ)
async def get_coverage(session: ReadSession, on: date | None = None) -> CoverageView:
    """Which clauses the checklists in force on a day (today unless told) speak of, and which items say nothing to any clause."""
    return await coverage_on_day(session, on or shanghai_today())


@router.get("/standards", dependencies=READ)
async def get_standards(
    trade: Annotated[list[str] | None, Query(max_length=20)] = None, on: date | None = None
) -> list[StandardView]:
    """The determination standards that may be in force on a day (today unless told), and where each leads for these trades."""
    return describe_standards(trade or [], on or shanghai_today())


@router.get("/standards/{standard}/topics", dependencies=READ)
async def get_topics(standard: str) -> list[TopicView]:
    """What a standard speaks of whose conditions are not held: a person places a finding under one of its items."""
    return describe_topics(standard)


@router.post("/what-if", dependencies=READ)
async def post_what_if(body: WhatIfRequest) -> WhatIfView:
    """Judge facts that nobody has stated, with reasons and what to ask; nothing is kept, repeating is harmless."""
    return judge_what_if(body)


@router.get("/visits/{visit_id}", dependencies=READ)
async def get_visit_determination(
    visit_id: UUID, actor: CurrentActor, session: ReadSession
) -> VisitDetermination:
    """What is known of a visit, what the machine says of it and why, and what to ask."""
    return await show_visit(session, actor, visit_id)


@router.post("/visits/{visit_id}/clauses/{clause_id}/answers", status_code=201, dependencies=VERIFY)
async def post_facts(
    visit_id: UUID,
    clause_id: str,
    body: StatedFactsRequest,
    actor: CurrentActor,
    session: WriteSession,
    _: Idempotency,
) -> VisitDetermination:
    """Answer the question set of any clause, also of one that no checklist speaks of; the visit is judged again."""
    about = About(body.subject_id, body.subject_name)
    await state_facts(session, actor, visit_id, clause_id, about, body.answers, body.note)
    return await show_visit(session, actor, visit_id)


@router.get("/{verdict_id}", dependencies=READ)
async def get_one_verdict(
    verdict_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> VerdictDetail:
    """One verdict with its reasons, its questions and everything people did with it."""
    return await _shown(session, actor, verdict_id, response)


@router.post("/{verdict_id}/answers", status_code=201, dependencies=VERIFY)
async def post_answers(
    verdict_id: UUID,
    body: AnswersRequest,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> VisitDetermination:
    """Answer at the desk what an undetermined verdict asks; the visit is judged again."""
    await _read_version(session, actor, verdict_id, expected)
    visit_id = await answer_questions(session, actor, verdict_id, body.answers, body.note)
    return await show_visit(session, actor, visit_id)


@router.post("/{verdict_id}/mapping", dependencies=VERIFY)
async def post_mapping(
    verdict_id: UUID,
    body: MappingRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> VerdictDetail:
    """Say under which clause a finding falls that the machine could not place, or that it is general."""
    await _read_version(session, actor, verdict_id, expected)
    await map_finding(session, actor, verdict_id, expected, clause=body.clause, reason=body.reason)
    return await _shown(session, actor, verdict_id, response)


@router.post("/{verdict_id}/verifications", status_code=201, dependencies=VERIFY)
async def post_verification(
    verdict_id: UUID,
    body: VerificationRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> VerdictDetail:
    """Record what the caller, a certified officer, found on site; two officers in two sessions are wanted."""
    await _read_version(session, actor, verdict_id, expected)
    await verify_verdict(session, actor, verdict_id, expected, **body.model_dump())
    return await _shown(session, actor, verdict_id, response)


@router.post("/{verdict_id}/confirmation", dependencies=CONFIRM)
async def post_confirmation(
    verdict_id: UUID,
    body: ConfirmationRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> VerdictDetail:
    """The person in charge confirms: major from today, by one of the clauses the officers found."""
    await _read_version(session, actor, verdict_id, expected)
    await confirm_verdict(session, actor, verdict_id, expected, clause=body.clause, reason=body.reason)
    return await _shown(session, actor, verdict_id, response)


@router.post("/{verdict_id}/rejection", dependencies=CONFIRM)
async def post_rejection(
    verdict_id: UUID,
    body: RejectionRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> VerdictDetail:
    """The person in charge decides that it is not major."""
    await _read_version(session, actor, verdict_id, expected)
    await reject_verdict(session, actor, verdict_id, expected, reason=body.reason)
    return await _shown(session, actor, verdict_id, response)
