"""Hazards that may be one, at the console: proposed by the worker, decided by people."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.paging import Page
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.models.hazards import HazardDuplicate
from app.schemas.duplicates import (
    ComparedHazard,
    DuplicateReasonRequest,
    DuplicateReasonView,
    DuplicateView,
    MergeRequest,
)
from app.services.hazards.duplicates import (
    DuplicateFilter,
    dismiss_duplicate,
    get_duplicate,
    list_duplicates,
    merge_hazards,
    pairs_of,
    undo_merging,
)

router = APIRouter(prefix="/hazard-duplicates", tags=["hazards"])
READ = [Depends(allowed("hazards:read"))]
MERGE = [Depends(allowed("hazards:merge"))]
WORDS = {
    "unit": ("同一风险单元", "The same risk unit"),
    "site": ("同一场所", "The same site"),
    "near": ("两处场所相距 {} 米", "Sites {} metres from each other"),
    "item": ("同一检查项 {}", "The same item {}"),
    "clause": ("同一判定条款 {}", "The same clause {}"),
    "text": ("描述相似度 {}%", "Descriptions {} percent alike"),
    "days": ("发现日期相隔 {} 天", "Found {} days apart"),
}
"""What each reason says, in Chinese and English."""


def _filter(
    region_id: UUID | None = None,
    hazard_id: UUID | None = None,
    status: Annotated[Literal["proposed", "merged", "dismissed"] | None, Query()] = None,
) -> DuplicateFilter:
    return DuplicateFilter(region_id, hazard_id, status)


Narrowed = Annotated[DuplicateFilter, Depends(_filter)]


async def _views(session: AsyncSession, rows: list[HazardDuplicate]) -> list[DuplicateView]:
    hazards = await pairs_of(session, rows)
    plain = [name for name in DuplicateView.model_fields if name not in ("reasons", "hazard", "other")]
    return [
        DuplicateView(
            **{name: getattr(row, name) for name in plain},
            reasons=[_reason(one) for one in row.reasons],
            hazard=ComparedHazard.model_validate(hazards[row.hazard_id]),
            other=ComparedHazard.model_validate(hazards[row.other_id]),
        )
        for row in rows
    ]


def _reason(reason: dict[str, Any]) -> DuplicateReasonView:
    zh, en = (words.format(reason["value"]) for words in WORDS[reason["code"]])
    return DuplicateReasonView(**reason, zh=zh, en=en)


async def _answer(session: AsyncSession, response: Response, row: HazardDuplicate) -> DuplicateView:
    set_etag(response, row.version)
    return (await _views(session, [row]))[0]


@router.get("", dependencies=READ)
async def get_duplicates(
    actor: CurrentActor, session: ReadSession, paging: PagingOf, narrowed: Narrowed
) -> PageOf[DuplicateView]:
    """Pairs of the caller's regions, newest first; `status=proposed` lists what waits for a person."""
    page = await list_duplicates(session, actor, paging.request, narrowed)
    views = await _views(session, list(page.items))
    return paging.page(Page(views, page.next_key), lambda view: view)


@router.get("/{duplicate_id}", dependencies=READ)
async def get_one_duplicate(
    duplicate_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> DuplicateView:
    """One pair, side by side."""
    return await _answer(session, response, await get_duplicate(session, actor, duplicate_id))


async def _changed(session: AsyncSession, actor: Actor, duplicate_id: UUID, expected: int) -> None:
    """Refuse a write on another version than the caller read."""
    check_version((await get_duplicate(session, actor, duplicate_id)).version, expected)


@router.post("/{duplicate_id}/merging", dependencies=MERGE)
async def post_duplicate_merging(
    duplicate_id: UUID,
    body: MergeRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> DuplicateView:
    """One stays, the other is merged into it and takes no further step; nothing of either is lost."""
    await _changed(session, actor, duplicate_id, expected)
    merged = await merge_hazards(session, actor, duplicate_id, expected, body.kept_id, body.reason)
    return await _answer(session, response, merged)


@router.post("/{duplicate_id}/undoing", dependencies=MERGE)
async def post_duplicate_undoing(
    duplicate_id: UUID,
    body: DuplicateReasonRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> DuplicateView:
    """Let the merged one stand by itself again; the pair is open once more."""
    await _changed(session, actor, duplicate_id, expected)
    undone = await undo_merging(session, actor, duplicate_id, expected, body.reason)
    return await _answer(session, response, undone)


@router.post("/{duplicate_id}/dismissal", dependencies=MERGE)
async def post_duplicate_dismissal(
    duplicate_id: UUID,
    body: DuplicateReasonRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> DuplicateView:
    """They are two hazards."""
    await _changed(session, actor, duplicate_id, expected)
    dismissed = await dismiss_duplicate(session, actor, duplicate_id, expected, body.reason)
    return await _answer(session, response, dismissed)
