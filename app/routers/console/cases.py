"""Cases at the console: opened from hazards, filed by the person in charge. One route per step of the table."""

from collections.abc import Callable, Coroutine
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.core.clock import shanghai_today
from app.enums.cases import CaseStatus
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.schemas.cases import (
    CaseCount,
    CaseDetail,
    CaseStepRequest,
    CaseView,
    ChangeTeamRequest,
    LiabilityView,
    OpenCaseRequest,
    PartyView,
    PenaltyView,
    ReviseCaseRequest,
    UnmaskRequest,
)
from app.services.cases.content import Penalty, penalties_on
from app.services.cases.opening import change_team, open_case, revise_case
from app.services.cases.repository import CaseFilter, count_cases, list_cases, show_case, show_one, show_party
from app.services.cases.service import get_case, take_step, unmask_party
from app.services.cases.workflow import TRANSITIONS, Transition

router = APIRouter(prefix="/cases", tags=["cases"], route_class=IdempotentRoute)
READ = [Depends(allowed("cases:read"))]
OPEN = [Depends(allowed("cases:open"))]


def _filter(
    region_id: UUID | None = None,
    status: Annotated[CaseStatus | None, Query()] = None,
    enterprise_id: UUID | None = None,
    hazard_id: UUID | None = None,
    number: Annotated[str | None, Query(max_length=60)] = None,
    filed_from: date | None = None,
    filed_until: date | None = None,
    overdue: bool | None = None,
) -> CaseFilter:
    return CaseFilter(region_id, status, enterprise_id, hazard_id, number, filed_from, filed_until, overdue)


Narrowed = Annotated[CaseFilter, Depends(_filter)]


@router.post("", status_code=201, dependencies=OPEN)
async def post_case(
    body: OpenCaseRequest, response: Response, actor: CurrentActor, session: WriteSession, _: Idempotency
) -> CaseView:
    """Open a case from hazards of one enterprise."""
    case = await open_case(session, actor, body)
    set_etag(response, case.version)
    return await show_one(session, case)


@router.get("", dependencies=READ)
async def get_cases(
    actor: CurrentActor, session: ReadSession, paging: PagingOf, narrowed: Narrowed
) -> PageOf[CaseView]:
    """Cases of the caller's regions, newest first; `hazard_id` gives the cases of a hazard."""
    return paging.page(await list_cases(session, actor, paging.request, narrowed), lambda row: row)


@router.get("/counts", dependencies=READ)
async def get_counts(actor: CurrentActor, session: ReadSession, narrowed: Narrowed) -> list[CaseCount]:
    """Counts by state, under the same filters as the list."""
    rows = await count_cases(session, actor, narrowed)
    return [CaseCount(status=status, count=number, overdue=late) for status, number, late in rows]


@router.get("/penalties", dependencies=READ)
async def get_penalties(on: date | None = None) -> list[PenaltyView]:
    """The liability articles in force on a date (today unless told), with whom they reach at which stage."""
    return [_penalty(one) for one in penalties_on(on or shanghai_today())]


@router.get("/{case_id}", dependencies=READ)
async def get_one_case(
    case_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> CaseDetail:
    """One case with parties, allegations, hazards, officers and history."""
    case = await show_case(session, actor, case_id)
    set_etag(response, case.version)
    return case


@router.patch("/{case_id}", dependencies=OPEN)
async def patch_case(
    case_id: UUID,
    body: ReviseCaseRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> CaseDetail:
    """Change what the case says while it is in the officer's hands."""
    check_version((await get_case(session, actor, case_id)).version, expected)
    case = await revise_case(session, actor, case_id, expected, body)
    set_etag(response, case.version)
    return await show_case(session, actor, case_id)


@router.post("/{case_id}/team", dependencies=[Depends(allowed("cases:approve"))])
async def post_team(
    case_id: UUID,
    body: ChangeTeamRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> CaseDetail:
    """Let another team handle a filed case, for a reason; the first of it leads and takes the running clocks over."""
    check_version((await get_case(session, actor, case_id)).version, expected)
    case = await change_team(session, actor, case_id, expected, body.officer_ids, body.reason)
    set_etag(response, case.version)
    return await show_case(session, actor, case_id)


@router.post("/{case_id}/parties/{party_id}/unmasking", dependencies=[Depends(allowed("cases:unmask"))])
async def post_unmasking(
    case_id: UUID, party_id: UUID, body: UnmaskRequest, actor: CurrentActor, session: WriteSession
) -> PartyView:
    """A party's full data, for a reason; the look is written down first."""
    return show_party(await unmask_party(session, actor, case_id, party_id, body.reason), masked=False)


def _step_route(transition: Transition) -> Callable[..., Coroutine[Any, Any, CaseView]]:
    async def post_step(
        case_id: UUID,
        body: CaseStepRequest,
        response: Response,
        expected: ExpectedVersion,
        actor: CurrentActor,
        session: WriteSession,
    ) -> CaseView:
        check_version((await get_case(session, actor, case_id)).version, expected)
        case = await take_step(
            session, actor, case_id, expected, transition.action, note=body.note, on_date=body.on_date
        )
        set_etag(response, case.version)
        return await show_one(session, case)

    return post_step


for _transition in TRANSITIONS.values():
    router.add_api_route(
        f"/{{case_id}}/{_transition.action.replace('_', '-')}",
        _step_route(_transition),
        methods=["POST"],
        name=f"post_{_transition.action}",
        summary=f"{_transition.zh} · {_transition.en}",
        description=f"{_transition.article}: {', '.join(sorted(_transition.sources))} → {_transition.target}",
        dependencies=[Depends(allowed(_transition.permission))],
    )


def _penalty(one: Penalty) -> PenaltyView:
    return PenaltyView(
        code=one.code,
        document=one.document.code,
        version=one.document.version,
        article=one.article,
        title_zh=one.title.zh,
        title_en=one.title.en,
        to_be_confirmed=one.to_be_confirmed,
        stages=[
            LiabilityView(
                stage=stage,
                order_zh=liability.order.zh if liability.order else None,
                order_en=liability.order.en if liability.order else None,
                reaches_entity=liability.reaches_entity,
                entity_fen=liability.entity_fen,
                persons=sorted(liability.persons),
                person_fen=liability.person_fen,
                is_discretionary=liability.is_discretionary,
                suspends=liability.suspends,
                formula_zh=liability.formula.zh if liability.formula else None,
                formula_en=liability.formula.en if liability.formula else None,
            )
            for stage, liability in one.stages.items()
        ],
    )
