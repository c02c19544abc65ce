"""The provenance of photographs at the console: lists for reviewers, reasons, verdicts. Nothing here alters or refuses a file."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.enums.evidence import EvidenceVerdict
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession, allowed
from app.schemas.provenance import ProvenanceEntry, ProvenanceView, VerdictRequest
from app.services.evidence.reviewing import (
    ProvenanceFilter,
    give_verdict,
    list_provenance,
    show_provenance,
    version_of,
)

router = APIRouter(prefix="/evidence", tags=["evidence"])
READ = [Depends(allowed("evidence:provenance"))]
REVIEW = [Depends(allowed("evidence:review"))]


@router.get("/provenance", dependencies=READ)
async def get_provenance_list(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    region_id: UUID | None = None,
    min_score: Annotated[int, Query(ge=0, le=100)] = 1,
    is_reviewed: bool | None = None,
    verdict: EvidenceVerdict | None = None,
) -> PageOf[ProvenanceEntry]:
    """Photographs with flags, newest first, by region, weight and whether somebody reviewed them; min_score=0 lists all."""
    narrowed = ProvenanceFilter(region_id, min_score, is_reviewed, verdict)
    return paging.page(await list_provenance(session, actor, paging.request, narrowed), lambda view: view)


@router.get("/{evidence_id}/provenance", dependencies=READ)
async def get_provenance(
    evidence_id: UUID, response: Response, actor: CurrentActor, session: ReadSession, runtime: RuntimeOf
) -> ProvenanceView:
    """Every check with its reason; duplicates only where the caller is entitled to both photographs."""
    view = await show_provenance(session, runtime.settings, actor, evidence_id)
    set_etag(response, view.version)
    return view


@router.post("/{evidence_id}/provenance/verdicts", status_code=201, dependencies=REVIEW)
async def post_verdict(
    evidence_id: UUID,
    body: VerdictRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
    runtime: RuntimeOf,
) -> ProvenanceView:
    """Say what the photograph is worth as evidence, with the reason; another verdict replaces it and both stay listed."""
    check_version(await version_of(session, actor, evidence_id), expected)
    await give_verdict(session, actor, evidence_id, expected, body.verdict, body.reason)
    view = await show_provenance(session, runtime.settings, actor, evidence_id)
    set_etag(response, view.version)
    return view
