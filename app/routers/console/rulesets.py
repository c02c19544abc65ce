"""The rules of determination at the console: drafts with their test cases, publication by a second person, revocation."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.enums.determinations import RulesetStatus
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.schemas.rulesets import (
    EditionView,
    RulesetDraftRequest,
    RulesetReasonRequest,
    RulesetStartRequest,
    RulesetVersionDetail,
    RulesetVersionView,
    TrialView,
)
from app.services.determinations.ruleset_drafting import change_draft, start_draft, withdraw_draft
from app.services.determinations.ruleset_publishing import publish_version, revoke_version, try_version
from app.services.determinations.ruleset_reading import describe_editions, describe_version, show_version
from app.services.determinations.ruleset_repository import (
    Row,
    RulesetFilter,
    get_ruleset_version,
    list_ruleset_versions,
)

router = APIRouter(prefix="/rulesets", tags=["determinations"], route_class=IdempotentRoute)
READ = [Depends(allowed("rules:read"))]
EDIT = [Depends(allowed("rules:edit"))]
PUBLISH = [Depends(allowed("rules:publish"))]


def _answer(row: Row, response: Response) -> RulesetVersionView:
    set_etag(response, row.version.version)
    return describe_version(row)


async def _check(session: AsyncSession, actor: Actor, version_id: UUID, expected: int) -> None:
    """Refuse a write on another version than the caller read."""
    check_version((await get_ruleset_version(session, actor, version_id)).version.version, expected)


@router.get("", dependencies=READ)
async def get_rulesets(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    ruleset: Annotated[str | None, Query(max_length=40)] = None,
    status: RulesetStatus | None = None,
) -> PageOf[RulesetVersionView]:
    """Versions written here, newest first; drafts only for those who edit or publish. Shipped ones: `/rulesets/held`."""
    narrowed = RulesetFilter(ruleset, status)
    return paging.page(
        await list_ruleset_versions(session, actor, paging.request, narrowed), describe_version
    )


@router.get("/held", dependencies=READ)
async def get_held_rulesets() -> list[EditionView]:
    """Every version that visits are or were judged by, shipped or published, with its days, its source and its marks.

    As the answering process holds them: a publication shows within a minute.
    """
    return describe_editions()


@router.post("", status_code=201, dependencies=EDIT)
async def post_ruleset(
    body: RulesetStartRequest,
    actor: CurrentActor,
    session: WriteSession,
    _: Idempotency,
    response: Response,
) -> RulesetVersionView:
    """Start a draft: a copy of the newest version of the standard, with its test cases."""
    return _answer(await start_draft(session, actor, body), response)


@router.get("/{version_id}", dependencies=READ)
async def get_one_ruleset(
    version_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> RulesetVersionDetail:
    """One version with its content and cases, what differs from the version before, and who did what."""
    shown = await show_version(session, actor, version_id)
    set_etag(response, shown.version)
    return shown


@router.put("/{version_id}", dependencies=EDIT)
async def put_ruleset(
    version_id: UUID,
    body: RulesetDraftRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> RulesetVersionView:
    """Replace a draft's content and cases; what cannot be used is named clause by clause."""
    await _check(session, actor, version_id, expected)
    return _answer(await change_draft(session, actor, version_id, expected, body), response)


@router.post("/{version_id}/trial", dependencies=READ)
async def post_trial(version_id: UUID, actor: CurrentActor, session: ReadSession) -> TrialView:
    """Run the test cases and say what is lacking for publication; nothing is kept, repeating is harmless."""
    return await try_version(session, actor, version_id)


@router.post("/{version_id}/withdrawal", dependencies=EDIT)
async def post_withdrawal(
    version_id: UUID,
    body: RulesetReasonRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> RulesetVersionView:
    """Give a draft up."""
    await _check(session, actor, version_id, expected)
    return _answer(await withdraw_draft(session, actor, version_id, expected, body.reason), response)


@router.post("/{version_id}/publication", dependencies=PUBLISH)
async def post_publication(
    version_id: UUID,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> RulesetVersionView:
    """Publish a draft one has not edited oneself: it takes effect on its day and never changes again."""
    await _check(session, actor, version_id, expected)
    return _answer(await publish_version(session, actor, version_id, expected), response)


@router.post("/{version_id}/revocation", dependencies=PUBLISH)
async def post_revocation(
    version_id: UUID,
    body: RulesetReasonRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> RulesetVersionView:
    """Keep a published version from taking effect, until an hour before its day begins; by one who has not edited it."""
    await _check(session, actor, version_id, expected)
    return _answer(await revoke_version(session, actor, version_id, expected, body.reason), response)
