"""Placards at the console: warnings and supervised listings of hazards."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession, allowed
from app.models.hazards import Hazard
from app.models.placards import Placard
from app.routers.console.extensions import view_of
from app.schemas.placards import (
    PlacardDecisionRequest,
    PlacardDetail,
    PlacardKindView,
    PlacardPlanRequest,
    PlacardPlanView,
    PlacardProgressRequest,
    PlacardProgressView,
    PlacardReasonRequest,
    PlacardRequest,
    PlacardState,
    PlacardStepView,
    PlacardSupervisorRequest,
    PlacardView,
    ProgressCorrectionRequest,
    ProgressCorrectionView,
)
from app.services.hazards.content import placard_kinds
from app.services.hazards.extensions import list_extensions_of
from app.services.hazards.governing import (
    Plan,
    Progress,
    correct_progress,
    is_late,
    list_plans,
    list_progress,
    missing_months,
    record_plan,
    record_progress,
)
from app.services.hazards.placard_following import removal_due, standing_of
from app.services.hazards.placard_page import qr_svg
from app.services.hazards.placard_supervision import name_supervisor
from app.services.hazards.placards import (
    Decision,
    PlacardContent,
    PlacardFilter,
    get_placard,
    list_placard_steps,
    list_placards,
    propose_placard,
    take_placard_step,
)
from app.services.hazards.service import get_hazard
from app.services.runtime import Runtime

router = APIRouter(tags=["hazards"])
READ = [Depends(allowed("hazards:read"))]
PROPOSE = [Depends(allowed("hazards:propose_placard"))]
GOVERN = [Depends(allowed("hazards:govern"))]


def _filter(
    region_id: UUID | None = None,
    enterprise_id: UUID | None = None,
    hazard_id: UUID | None = None,
    kind: Annotated[str | None, Query(max_length=50)] = None,
    status: Annotated[PlacardState | None, Query()] = None,
    removal_due: bool = False,
    progress_late: bool = False,
) -> PlacardFilter:
    late = is_late(shanghai_today()) if progress_late else None
    return PlacardFilter(region_id, enterprise_id, hazard_id, kind, status, removal_due, late)


Narrowed = Annotated[PlacardFilter, Depends(_filter)]


def _view(placard: Placard, standing: Hazard) -> PlacardView:
    own = {name: getattr(placard, name) for name in PlacardView.model_fields if hasattr(placard, name)}
    return PlacardView(**own, standing_hazard_id=standing.id, removal_due=removal_due(placard, standing))


def _progress(one: Progress) -> PlacardProgressView:
    return PlacardProgressView(
        id=one.entry.id, month=one.entry.month, text=one.text, recorded_text=one.entry.text,
        recorded_by=one.entry.recorded_by, created_at=one.entry.created_at,
        corrections=[ProgressCorrectionView.model_validate(row) for row in one.corrections],
    )  # fmt: skip


async def _shown(session: AsyncSession, placard: Placard, response: Response) -> PlacardView:
    set_etag(response, placard.version)
    return _view(placard, (await standing_of(session, [placard]))[placard.id])


@router.post("/hazards/{hazard_id}/placards", status_code=201, dependencies=PROPOSE)
async def post_placard(
    hazard_id: UUID,
    body: PlacardRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> PlacardView:
    """Propose a placard; If-Match is the hazard's version."""
    check_version((await get_hazard(session, actor, hazard_id)).version, expected)
    placard = await propose_placard(session, actor, hazard_id, PlacardContent(**body.model_dump()))
    return await _shown(session, placard, response)


@router.get("/placards", dependencies=READ)
async def get_placards(
    actor: CurrentActor, session: ReadSession, paging: PagingOf, narrowed: Narrowed
) -> PageOf[PlacardView]:
    """Placards of the caller's regions, newest first; `status=proposed` waits for a decision, `removal_due` for the removal, since
    the hazard was found rectified; `progress_late` lacks months. `hazard_id` finds those of hazards that are one with it too."""
    found = await list_placards(session, actor, paging.request, narrowed)
    standing = await standing_of(session, found.items)
    return paging.page(found, lambda placard: _view(placard, standing[placard.id]))


@router.get("/placards/kinds", dependencies=READ)
async def get_placard_kinds() -> list[PlacardKindView]:
    """What can be put up, under which conditions, and who decides."""
    return [
        PlacardKindView(
            code=one.code, title_zh=one.title.zh, title_en=one.title.en, word=one.word, needs=list(one.needs),
            deciders={role: list(levels) for role, levels in one.deciders.items()},
            basis_zh=one.basis.zh, basis_en=one.basis.en, to_be_confirmed=one.to_be_confirmed,
        )
        for one in placard_kinds()
    ]  # fmt: skip


@router.get("/placards/{placard_id}", dependencies=READ)
async def get_one_placard(
    placard_id: UUID, response: Response, actor: CurrentActor, session: ReadSession, runtime: RuntimeOf
) -> PlacardDetail:
    """One placard with its history, and its public address while it is in force."""
    placard = await get_placard(session, actor, placard_id)
    view = await _shown(session, placard, response)
    progress = await list_progress(session, placard_id)
    return PlacardDetail(
        **view.model_dump(),
        public_url=_public_address(runtime, placard) if placard.status == "in_force" else None,
        extensions=[view_of(one) for one in await list_extensions_of(session, placard)],
        plans=[PlacardPlanView.model_validate(row) for row in await list_plans(session, placard_id)],
        progress=[_progress(one) for one in progress],
        missing_months=missing_months(placard, [one.entry.month for one in progress], shanghai_today()),
        steps=[PlacardStepView.model_validate(row) for row in await list_placard_steps(session, placard_id)],
    )


@router.get(
    "/placards/{placard_id}/qr",
    dependencies=READ,
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}},
)
async def get_placard_qr(
    placard_id: UUID, actor: CurrentActor, session: ReadSession, runtime: RuntimeOf
) -> Response:
    """The public address of a placard as a QR code (SVG), to be printed on it; the page is there while the placard is in force."""
    placard = await get_placard(session, actor, placard_id)
    return Response(qr_svg(_public_address(runtime, placard)), media_type="image/svg+xml")


def _public_address(runtime: Runtime, placard: Placard) -> str:
    return f"{runtime.settings.public_url.rstrip('/')}/public/v1/placards/{placard.public_token}"


async def _step(
    session: AsyncSession,
    actor: Actor,
    placard_id: UUID,
    expected: int,
    action: str,
    reason: str,
    response: Response,
    decision: Decision = Decision(),
) -> PlacardView:
    check_version((await get_placard(session, actor, placard_id)).version, expected)
    placard = await take_placard_step(session, actor, placard_id, expected, action, reason, decision)
    return await _shown(session, placard, response)


@router.post("/placards/{placard_id}/decision", dependencies=GOVERN)
async def post_placard_decision(
    placard_id: UUID,
    body: PlacardDecisionRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> PlacardView:
    """Put it up, in the name and with the next number of the deciding authority: its period begins."""
    decision = Decision(body.authority_id, body.supervisor_id)
    return await _step(session, actor, placard_id, expected, "decide", body.reason, response, decision)


@router.post("/placards/{placard_id}/refusal", dependencies=GOVERN)
async def post_placard_refusal(
    placard_id: UUID,
    body: PlacardReasonRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> PlacardView:
    """Do not put it up."""
    return await _step(session, actor, placard_id, expected, "refuse", body.reason, response)


@router.post("/placards/{placard_id}/removal", dependencies=GOVERN)
async def post_placard_removal(
    placard_id: UUID,
    body: PlacardReasonRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> PlacardView:
    """Take it down after acceptance: a re-inspection found the hazard rectified."""
    return await _step(session, actor, placard_id, expected, "remove", body.reason, response)


@router.post("/placards/{placard_id}/withdrawal", dependencies=GOVERN)
async def post_placard_withdrawal(
    placard_id: UUID,
    body: PlacardReasonRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> PlacardView:
    """Take it down because it should not stand, and say why."""
    return await _step(session, actor, placard_id, expected, "withdraw", body.reason, response)


@router.post("/placards/{placard_id}/supervisor", dependencies=GOVERN)
async def post_placard_supervisor(
    placard_id: UUID,
    body: PlacardSupervisorRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> PlacardView:
    """Let another person of its authority watch a placard that is up; its clock goes along, and the last day stays."""
    check_version((await get_placard(session, actor, placard_id)).version, expected)
    placard = await name_supervisor(session, actor, placard_id, expected, body.supervisor_id, body.reason)
    return await _shown(session, placard, response)


@router.post("/placards/{placard_id}/plans", status_code=201, dependencies=PROPOSE)
async def post_placard_plan(
    placard_id: UUID,
    body: PlacardPlanRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> PlacardPlanView:
    """Write down the enterprise's plan; If-Match is the placard's version. It holds from now on."""
    check_version((await get_placard(session, actor, placard_id)).version, expected)
    plan = await record_plan(session, actor, placard_id, expected, Plan(**body.model_dump()))
    set_etag(response, expected + 1)
    return PlacardPlanView.model_validate(plan)


@router.post("/placards/{placard_id}/progress", status_code=201, dependencies=PROPOSE)
async def post_placard_progress(
    placard_id: UUID,
    body: PlacardProgressRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> PlacardProgressView:
    """Write down what was done in a month; If-Match is the placard's version."""
    check_version((await get_placard(session, actor, placard_id)).version, expected)
    progress = await record_progress(session, actor, placard_id, expected, body.month, body.text)
    set_etag(response, expected + 1)
    return _progress(Progress(progress, []))


@router.post(
    "/placards/{placard_id}/progress/{progress_id}/corrections", status_code=201, dependencies=PROPOSE
)
async def post_progress_correction(
    placard_id: UUID,
    progress_id: UUID,
    body: ProgressCorrectionRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> PlacardProgressView:
    """Say what a month's entry should have said, and why; both stay. If-Match is the placard's version."""
    check_version((await get_placard(session, actor, placard_id)).version, expected)
    corrected = await correct_progress(
        session, actor, placard_id, progress_id, expected, body.text, body.reason
    )
    set_etag(response, expected + 1)
    return _progress(corrected)
