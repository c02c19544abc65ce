"""Checklist templates in the console: drafts, publishing, withdrawing, comparing."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.enums.checklists import TemplateStatus
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.schemas.checklists import (
    DifferencesView,
    DifferenceView,
    DraftRequest,
    VersionDetail,
    VersionView,
    WithdrawRequest,
)
from app.services.checklists.repository import Row, VersionFilter, get_version, list_versions
from app.services.checklists.service import (
    change_draft,
    compare_versions,
    create_draft,
    delete_draft,
    publish_version,
    withdraw_version,
)

router = APIRouter(prefix="/checklists", tags=["checklists"], route_class=IdempotentRoute)
READ = [Depends(allowed("checklists:read"))]
MANAGE = [Depends(allowed("checklists:manage"))]
PUBLISH = [Depends(allowed("checklists:publish"))]


def _view(row: Row) -> VersionView:
    version, code = row
    return VersionView.model_validate(
        {name: getattr(version, name, code) for name in VersionView.model_fields}
    )


def _detail(row: Row, response: Response) -> VersionDetail:
    set_etag(response, row[0].version)
    return VersionDetail(**_view(row).model_dump(), body=row[0].body)


async def _check(session: AsyncSession, actor: Actor, version_id: UUID, expected: int) -> None:
    """Refuse a write on another version than the caller read."""
    version, _ = await get_version(session, actor, version_id)
    check_version(version.version, expected)


@router.get("", dependencies=READ)
async def get_checklists(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    code: Annotated[str | None, Query(max_length=60)] = None,
    status: TemplateStatus | None = None,
    origin: Literal["shipped", "console"] | None = None,
    in_force_on: date | None = None,
    q: Annotated[
        str | None, Query(max_length=100, pattern=r"^[^\x00]*$", description="Part of a title")
    ] = None,
) -> PageOf[VersionView]:
    """Versions of checklists, newest first; drafts only for those who write or publish them."""
    wanted = VersionFilter(code, status, origin, in_force_on, q)
    return paging.page(await list_versions(session, actor, wanted, paging.request), _view)


@router.post("", status_code=201, dependencies=MANAGE)
async def post_checklist(
    body: DraftRequest, actor: CurrentActor, session: WriteSession, key: Idempotency, response: Response
) -> VersionDetail:
    """Start a draft: a new checklist, or the next version of the one with this code."""
    return _detail(await create_draft(session, actor, body.body), response)


@router.get("/{version_id}", dependencies=READ)
async def get_checklist(
    version_id: UUID, actor: CurrentActor, session: ReadSession, response: Response
) -> VersionDetail:
    """One version with its content."""
    return _detail(await get_version(session, actor, version_id), response)


@router.put("/{version_id}", dependencies=MANAGE)
async def put_checklist(
    version_id: UUID,
    body: DraftRequest,
    actor: CurrentActor,
    session: WriteSession,
    expected: ExpectedVersion,
    response: Response,
) -> VersionDetail:
    """Replace a draft's content."""
    await _check(session, actor, version_id, expected)
    return _detail(await change_draft(session, actor, version_id, expected, body.body), response)


@router.delete("/{version_id}", status_code=204, dependencies=MANAGE)
async def delete_checklist(
    version_id: UUID, actor: CurrentActor, session: WriteSession, expected: ExpectedVersion
) -> None:
    """Throw a draft away."""
    await _check(session, actor, version_id, expected)
    await delete_draft(session, actor, version_id, expected)


@router.post("/{version_id}/publish", dependencies=PUBLISH)
async def post_publish(
    version_id: UUID,
    actor: CurrentActor,
    session: WriteSession,
    expected: ExpectedVersion,
    response: Response,
) -> VersionDetail:
    """Publish a draft; from then on it never changes."""
    await _check(session, actor, version_id, expected)
    return _detail(await publish_version(session, actor, version_id, expected), response)


@router.post("/{version_id}/withdraw", dependencies=PUBLISH)
async def post_withdraw(
    version_id: UUID,
    body: WithdrawRequest,
    actor: CurrentActor,
    session: WriteSession,
    expected: ExpectedVersion,
    response: Response,
) -> VersionDetail:
    """Withdraw a published version: no longer given out, still accepted from phones that hold it, and flagged there."""
    await _check(session, actor, version_id, expected)
    return _detail(await withdraw_version(session, actor, version_id, expected, body.reason), response)


@router.get("/{version_id}/differences", dependencies=READ)
async def get_differences(
    version_id: UUID,
    actor: CurrentActor,
    session: ReadSession,
    before: Annotated[UUID, Query(description="The version to compare with")],
) -> DifferencesView:
    """What changed from the version `before` to this one."""
    found = await compare_versions(session, actor, before, version_id)
    views = [DifferenceView.model_validate(difference) for difference in found]
    return DifferencesView(before_id=before, after_id=version_id, differences=views)
