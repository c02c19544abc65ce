"""What the machine says of a visit, on the phones of its officers: to ask and to verify on site."""

from datetime import date
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from app.core.clock import shanghai_today
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.schemas.determinations import (
    AnswersRequest,
    ClauseWithQuestions,
    StatedFactsRequest,
    VerdictDetail,
    VerificationRequest,
    VisitDetermination,
)
from app.services.determinations.access import get_verdict
from app.services.determinations.answering import About, answer_questions, state_facts
from app.services.determinations.content import ruleset_on
from app.services.determinations.describing import describe_clauses
from app.services.determinations.reading import show_verdict, show_visit
from app.services.determinations.verification import verify_verdict

router = APIRouter(prefix="/determinations", tags=["determinations"], route_class=IdempotentRoute)
READ = [Depends(allowed("determinations:read"))]
VERIFY = [Depends(allowed("determinations:verify"))]


@router.get("/clauses", dependencies=READ)
async def get_clauses(on: date | None = None) -> list[ClauseWithQuestions]:
    """The clauses in force on a day (today unless told) with their question sets, to be had offline."""
    ruleset = ruleset_on(on or shanghai_today())
    return describe_clauses(ruleset) if ruleset else []


@router.get("/visits/{visit_id}", dependencies=READ)
async def get_visit_determination(
    visit_id: UUID, actor: CurrentActor, session: ReadSession
) -> VisitDetermination:
    """What is known of a visit of the caller's, what the machine says of it and why, and what to ask."""
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


@router.post("/{verdict_id}/answers", status_code=201, dependencies=VERIFY)
async def post_answers(
    verdict_id: UUID,
    body: AnswersRequest,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> VisitDetermination:
    """Answer on site what an undetermined verdict asks; the visit is judged again."""
    check_version((await get_verdict(session, actor, verdict_id)).version, expected)
    visit_id = await answer_questions(session, actor, verdict_id, body.answers, body.note)
    return await show_visit(session, actor, visit_id)


@router.post("/{verdict_id}/verifications", status_code=201, dependencies=VERIFY)
async def post_verification(
    verdict_id: UUID,
    body: VerificationRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> VerdictDetail:
    """Record what the caller, a certified officer, found on site."""
    check_version((await get_verdict(session, actor, verdict_id)).version, expected)
    await verify_verdict(session, actor, verdict_id, expected, **body.model_dump())
    set_etag(response, expected + 1)
    return await show_verdict(session, actor, verdict_id)
