"""Proposals for overdue hazards at the console: listed by region, dismissed with a reason; the acts themselves take them up."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.schemas.proposals import DismissalRequest, ProposalKindView, ProposalState, ProposalView
from app.services.hazards.content import proposal_kinds
from app.services.hazards.proposals import (
    Proposal,
    ProposalFilter,
    dismiss_proposal,
    get_proposal,
    list_proposals,
)

router = APIRouter(prefix="/hazard-proposals", tags=["hazards"])
READ = [Depends(allowed("hazards:read"))]
GOVERN = [Depends(allowed("hazards:govern"))]


def _filter(
    region_id: UUID | None = None,
    hazard_id: UUID | None = None,
    kind: Annotated[str | None, Query(max_length=50)] = None,
    status: Annotated[ProposalState | None, Query()] = None,
) -> ProposalFilter:
    return ProposalFilter(region_id, hazard_id, kind, status)


Narrowed = Annotated[ProposalFilter, Depends(_filter)]


def _view(proposal: Proposal) -> ProposalView:
    row, hazard = proposal.row, proposal.hazard
    shown = {name: getattr(row, name) for name in ProposalView.model_fields if hasattr(row, name)}
    return ProposalView(
        **shown, hazard_number=hazard.number, hazard_level=hazard.level, hazard_status=hazard.status
    )


@router.get("", dependencies=READ)
async def get_proposals(
    actor: CurrentActor, session: ReadSession, paging: PagingOf, narrowed: Narrowed
) -> PageOf[ProposalView]:
    """Proposals of the caller's regions, newest first; `status=open` lists what waits for a person."""
    return paging.page(await list_proposals(session, actor, paging.request, narrowed), _view)


@router.get("/kinds", dependencies=READ)
async def get_proposal_kinds() -> list[ProposalKindView]:
    """What may be proposed once a deadline has passed, with the article."""
    return [
        ProposalKindView(
            code=one.code, title_zh=one.title.zh, title_en=one.title.en, concerns=one.concerns, taken_up_by=one.taken_up_by,
            basis_zh=one.basis.zh, basis_en=one.basis.en, to_be_confirmed=one.to_be_confirmed,
        )
        for one in proposal_kinds()
    ]  # fmt: skip


@router.get("/{proposal_id}", dependencies=READ)
async def get_one_proposal(
    proposal_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> ProposalView:
    """One proposal."""
    proposal = await get_proposal(session, actor, proposal_id)
    set_etag(response, proposal.row.version)
    return _view(proposal)


@router.post("/{proposal_id}/dismissal", dependencies=GOVERN)
async def post_proposal_dismissal(
    proposal_id: UUID,
    body: DismissalRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> ProposalView:
    """Make nothing of it."""
    check_version((await get_proposal(session, actor, proposal_id)).row.version, expected)
    dismissed = await dismiss_proposal(session, actor, proposal_id, expected, body.reason)
    set_etag(response, dismissed.row.version)
    return _view(dismissed)
