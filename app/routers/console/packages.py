"""Packages at the console: corrections side by side, forks and conflicts that wait for a person, the sealed bytes."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response

from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.schemas.packages import (
    ConflictDetail,
    ConflictVerdictRequest,
    ConflictView,
    ForkVerdictRequest,
    ForkView,
    RevisionLine,
)
from app.services.inspections.conflicts import (
    decide_conflict,
    list_conflicts,
    read_other_bytes,
    show_conflict,
)
from app.services.inspections.forks import decide_fork, find_readable
from app.services.inspections.revision_reading import list_open_forks, read_sealed, show_revisions

router = APIRouter(prefix="/packages", tags=["packages"], route_class=IdempotentRoute)
READ = [Depends(allowed("inspections:read"))]
JUDGE = [Depends(allowed("inspections:judge"))]
ORIGINAL = [Depends(allowed("evidence:read_original"))]
SEALED = "application/octet-stream"


@router.get("/forks", dependencies=READ)
async def get_forks(actor: CurrentActor, session: ReadSession, paging: PagingOf) -> PageOf[ForkView]:
    """Corrections that rest on something else than what stood, about which nobody has decided; oldest first."""
    return paging.page(await list_open_forks(session, actor, paging.request), lambda row: row)


@router.get("/conflicts", dependencies=READ)
async def get_conflicts(
    actor: CurrentActor, session: ReadSession, paging: PagingOf, decided: bool | None = None
) -> PageOf[ConflictView]:
    """Other bytes that came under an id already taken, oldest first; `decided`: only those, or only the others."""
    page = await list_conflicts(session, actor, paging.request, is_decided=decided)
    return paging.page(page, lambda row: row)


@router.get("/conflicts/{conflict_id}", dependencies=READ)
async def get_one_conflict(conflict_id: UUID, actor: CurrentActor, session: ReadSession) -> ConflictDetail:
    """Both contents under one id, and how they differ."""
    return await show_conflict(session, actor, conflict_id)


@router.get("/conflicts/{conflict_id}/sealed", dependencies=ORIGINAL, response_class=Response)
async def get_other_bytes(conflict_id: UUID, actor: CurrentActor, session: WriteSession) -> Response:
    """The other bytes as they came. Written down before they leave."""
    return Response(await read_other_bytes(session, actor, conflict_id), media_type=SEALED)


@router.post("/conflicts/{conflict_id}/verdict", status_code=201, dependencies=JUDGE)
async def post_conflict_verdict(
    conflict_id: UUID,
    body: ConflictVerdictRequest,
    actor: CurrentActor,
    session: WriteSession,
    _: Idempotency,
) -> ConflictDetail:
    """Say which content is right, and why; both are kept."""
    return await decide_conflict(session, actor, conflict_id, body.decision, body.reason)


@router.get("/{package_id}/revisions", dependencies=READ)
async def get_revisions(
    package_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> RevisionLine:
    """A record and its corrections side by side, each with what it changes of its base, answer by answer."""
    line = await show_revisions(session, actor, package_id)
    set_etag(response, next((one.version for one in line.packages if one.id == package_id), 1))
    return line


@router.get("/{package_id}/sealed", dependencies=ORIGINAL, response_class=Response)
async def get_sealed(package_id: UUID, actor: CurrentActor, session: WriteSession) -> Response:
    """The package's bytes as the phone signed them (what a receipt names). Written down before they leave."""
    return Response(await read_sealed(session, actor, package_id), media_type=SEALED)


@router.post("/{package_id}/fork-verdict", dependencies=JUDGE)
async def post_fork_verdict(
    package_id: UUID,
    body: ForkVerdictRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> RevisionLine:
    """Let a fork take the place of what stands in its line, or set it aside; with a reason. Neither is deleted."""
    check_version((await find_readable(session, actor, package_id)).version, expected)
    await decide_fork(session, actor, package_id, expected, body.decision, body.reason)
    line = await show_revisions(session, actor, package_id)
    set_etag(response, next(one.version for one in line.packages if one.id == package_id))
    return line
