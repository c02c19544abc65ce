"""On-site measures at the console."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.schemas.measures import (
    LiftingRequest,
    MeasureContentRequest,
    MeasureDetail,
    MeasureHazardView,
    MeasureKindView,
    MeasureReasonRequest,
    MeasureStepView,
    MeasureView,
    OralMeasureRequest,
    ReviewRequest,
    RevocationRequest,
    Status,
    WrittenMeasureRequest,
)
from app.schemas.officers import OfficerView
from app.services.clocks.awaiting import list_awaited
from app.services.clocks.repository import show_clock
from app.services.hazards.content import measure_kind, measure_kinds
from app.services.hazards.errors import MeasureReviewProblem
from app.services.hazards.measure_reading import (
    MeasureFilter,
    covered_hazards,
    list_measure_clocks,
    list_measure_officers,
    list_measure_steps,
    list_measures,
)
from app.services.hazards.measures import (
    Content,
    Reviewed,
    decide_at_once,
    decide_in_writing,
    get_measure,
    order_orally,
    take_measure_step,
)
from app.services.inspections.visits import get_visit, is_certified_reinspection

router = APIRouter(prefix="/onsite-measures", tags=["hazards"], route_class=IdempotentRoute)
READ = [Depends(allowed("hazards:read"))]
MEASURE = [Depends(allowed("hazards:measure"))]
LIFT = [Depends(allowed("hazards:lift"))]


def _filter(
    region_id: UUID | None = None,
    enterprise_id: UUID | None = None,
    site_id: UUID | None = None,
    hazard_id: UUID | None = None,
    status: Annotated[Status | None, Query()] = None,
    in_force: bool | None = None,
) -> MeasureFilter:
    return MeasureFilter(region_id, enterprise_id, site_id, hazard_id, status, in_force)


Narrowed = Annotated[MeasureFilter, Depends(_filter)]


def _content(body: MeasureContentRequest | OralMeasureRequest) -> Content:
    months = body.months if isinstance(body, MeasureContentRequest) else None
    return Content(body.kinds, body.place, body.ground, body.hazard_ids, months)


@router.get("", dependencies=READ)
async def get_measures(
    actor: CurrentActor, session: ReadSession, paging: PagingOf, narrowed: Narrowed
) -> PageOf[MeasureView]:
    """On-site measures of the caller's regions, newest first; `in_force` lists those that are not lifted or withdrawn."""
    return paging.page(
        await list_measures(session, actor, paging.request, narrowed), MeasureView.model_validate
    )


@router.get("/kinds", dependencies=READ)
async def get_kinds() -> list[MeasureKindView]:
    """What can be ordered on site, with the article that allows it."""
    return [
        MeasureKindView(
            code=one.code, title_zh=one.title.zh, title_en=one.title.en, concerns=one.concerns, limit=one.limit,
            basis_zh=one.basis.zh, basis_en=one.basis.en, in_force_from=one.in_force_from, to_be_confirmed=one.to_be_confirmed,
            ends_by=one.ends_by, ends_basis_zh=one.ends_basis.zh, ends_basis_en=one.ends_basis.en,
            ends_to_be_confirmed=one.ends_to_be_confirmed,
        )
        for one in measure_kinds()
    ]  # fmt: skip


@router.post("/oral", status_code=201, dependencies=MEASURE)
async def post_oral(
    body: OralMeasureRequest, actor: CurrentActor, session: WriteSession, _: Idempotency
) -> MeasureView:
    """Write down an urgent measure that two officers ordered on the spot; its written decision must follow in time."""
    measure = await order_orally(
        session, actor, body.site_id, body.authority_id, body.officer_ids, body.ordered_at, _content(body)
    )
    return MeasureView.model_validate(measure)


@router.post("", status_code=201, dependencies=MEASURE)
async def post_measure(
    body: WrittenMeasureRequest, actor: CurrentActor, session: WriteSession, _: Idempotency
) -> MeasureView:
    """Decide a measure in writing, with the next number of the authority."""
    measure = await decide_at_once(
        session, actor, body.site_id, body.authority_id, body.officer_ids, _content(body)
    )
    return MeasureView.model_validate(measure)


@router.get("/{measure_id}", dependencies=READ)
async def get_one_measure(
    measure_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> MeasureDetail:
    """One measure with its officers, hazards, history and clocks."""
    measure = await get_measure(session, actor, measure_id)
    set_etag(response, measure.version)
    hazards, today = await covered_hazards(session, measure_id), shanghai_today()
    awaited = await list_awaited(session)
    for_major = any(kind.concerns == "major" for code in measure.kinds if (kind := measure_kind(code)))
    return MeasureDetail(
        **MeasureView.model_validate(measure).model_dump(),
        officers=[
            OfficerView.model_validate(row) for row in await list_measure_officers(session, measure_id)
        ],
        hazards=[MeasureHazardView.model_validate(row) for row in hazards],
        steps=[MeasureStepView.model_validate(row) for row in await list_measure_steps(session, measure_id)],
        clocks=[
            show_clock(clock, today, awaited) for clock in await list_measure_clocks(session, measure_id)
        ],
        lacks_major=for_major and not any(hazard.level == "major" for hazard in hazards),
    )


async def _changed(
    session: AsyncSession, actor: Actor, measure_id: UUID, expected: int, response: Response
) -> None:
    """Refuse a write on another version than the caller read."""
    check_version((await get_measure(session, actor, measure_id)).version, expected)
    set_etag(response, expected + 1)


@router.post("/{measure_id}/decision", dependencies=MEASURE)
async def post_measure_decision(
    measure_id: UUID,
    body: MeasureContentRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> MeasureView:
    """Put an oral measure in writing, with the next number of the authority."""
    await _changed(session, actor, measure_id, expected, response)
    decided = await decide_in_writing(session, actor, measure_id, expected, _content(body))
    return MeasureView.model_validate(decided)


@router.post("/{measure_id}/withdrawal", dependencies=LIFT)
async def post_measure_withdrawal(
    measure_id: UUID,
    body: MeasureReasonRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> MeasureView:
    """Take back an oral measure that is not to be put in writing."""
    await _changed(session, actor, measure_id, expected, response)
    return MeasureView.model_validate(
        await take_measure_step(session, actor, measure_id, expected, "withdraw", note=body.reason)
    )


@router.post("/{measure_id}/lifting-request", dependencies=MEASURE)
async def post_lifting_request(
    measure_id: UUID,
    body: LiftingRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> MeasureView:
    """Begin the lifting: the site must be re-inspected in time."""
    await _changed(session, actor, measure_id, expected, response)
    asked = await take_measure_step(
        session, actor, measure_id, expected, "request_lifting", note=body.reason, ground=body.ground
    )
    return MeasureView.model_validate(asked)


@router.post("/{measure_id}/review", dependencies=MEASURE)
async def post_review(
    measure_id: UUID,
    body: ReviewRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> MeasureView:
    """Record what the re-inspection visit found; where it is not safe, the measure goes on."""
    await _changed(session, actor, measure_id, expected, response)
    visit = await get_visit(session, actor, body.visit_id)
    if not is_certified_reinspection(visit):
        raise MeasureReviewProblem
    review = Reviewed(visit.id, visit.site_id, visit.visited_on, body.evidence_ids)
    action = "pass_review" if body.is_safe else "fail_review"
    return MeasureView.model_validate(
        await take_measure_step(session, actor, measure_id, expected, action, note=body.reason, review=review)
    )


@router.post("/{measure_id}/lifting", dependencies=LIFT)
async def post_lifting(
    measure_id: UUID,
    body: MeasureReasonRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> MeasureView:
    """Agree that work goes on."""
    await _changed(session, actor, measure_id, expected, response)
    return MeasureView.model_validate(
        await take_measure_step(session, actor, measure_id, expected, "lift", note=body.reason)
    )


@router.post("/{measure_id}/conclusion", dependencies=MEASURE)
async def post_conclusion(
    measure_id: UUID,
    body: MeasureReasonRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> MeasureView:
    """Say that the measure is over, where its kinds ask for no review, or for none to be agreed to.

    Every hazard it covers was found rectified before.
    """
    await _changed(session, actor, measure_id, expected, response)
    return MeasureView.model_validate(
        await take_measure_step(session, actor, measure_id, expected, "conclude", note=body.reason)
    )


@router.post("/{measure_id}/lifting-refusal", dependencies=LIFT)
async def post_lifting_refusal(
    measure_id: UUID,
    body: MeasureReasonRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> MeasureView:
    """Do not agree; the measure goes on."""
    await _changed(session, actor, measure_id, expected, response)
    return MeasureView.model_validate(
        await take_measure_step(session, actor, measure_id, expected, "refuse_lifting", note=body.reason)
    )


@router.post("/{measure_id}/revocation", dependencies=LIFT)
async def post_revocation(
    measure_id: UUID,
    body: RevocationRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> MeasureView:
    """Take back a written decision that should not have been made; nothing need be rectified for that."""
    await _changed(session, actor, measure_id, expected, response)
    revoked = await take_measure_step(
        session, actor, measure_id, expected, "revoke", note=body.reason, ground=body.ground
    )
    return MeasureView.model_validate(revoked)
