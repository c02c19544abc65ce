"""Patrols and whistles at the console."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.schemas.patrols import (
    AcknowledgeRequest,
    DismissRequest,
    HandleRequest,
    PatrolCounts,
    PatrolView,
    WhistleCount,
    WhistleDetail,
    WhistleStepView,
    WhistleView,
)
from app.services.hazards.reporting import find_whistled
from app.services.patrols.reading import (
    PatrolFilter,
    WhistleFilter,
    count_patrols,
    count_whistles,
    list_patrols,
    list_whistles,
)
from app.services.patrols.service import (
    acknowledge_whistle,
    dismiss_whistle,
    get_patrol,
    get_whistle,
    handle_whistle,
    list_steps,
)

patrols = APIRouter(prefix="/patrols", tags=["patrols"])
whistles = APIRouter(prefix="/whistles", tags=["patrols"])
READ = [Depends(allowed("patrols:read"))]
HANDLE = [Depends(allowed("patrols:handle"))]


def _patrol_filter(
    region_id: UUID | None = None,
    enterprise_id: UUID | None = None,
    site_id: UUID | None = None,
    user_id: UUID | None = None,
    patrolled_from: date | None = None,
    patrolled_until: date | None = None,
    abnormal: bool | None = None,
    with_superseded: bool = False,
) -> PatrolFilter:
    return PatrolFilter(
        region_id,
        enterprise_id,
        site_id,
        user_id,
        patrolled_from,
        patrolled_until,
        abnormal,
        with_superseded,
    )


def _whistle_filter(
    region_id: UUID | None = None,
    enterprise_id: UUID | None = None,
    site_id: UUID | None = None,
    user_id: UUID | None = None,
    raised_from: date | None = None,
    raised_until: date | None = None,
    status: Annotated[Literal["raised", "acknowledged", "handled", "dismissed"] | None, Query()] = None,
    urgency: Annotated[Literal["normal", "urgent", "immediate"] | None, Query()] = None,
    with_superseded: bool = False,
) -> WhistleFilter:
    return WhistleFilter(
        region_id,
        enterprise_id,
        site_id,
        user_id,
        raised_from,
        raised_until,
        status,
        urgency,
        with_superseded,
    )


NarrowedPatrols = Annotated[PatrolFilter, Depends(_patrol_filter)]
NarrowedWhistles = Annotated[WhistleFilter, Depends(_whistle_filter)]


@patrols.get("", dependencies=READ)
async def get_patrols(
    actor: CurrentActor, session: ReadSession, paging: PagingOf, narrowed: NarrowedPatrols
) -> PageOf[PatrolView]:
    """Patrols of the caller's regions, newest first."""
    return paging.page(
        await list_patrols(session, actor, paging.request, narrowed), PatrolView.model_validate
    )


@patrols.get("/counts", dependencies=READ)
async def get_patrol_counts(
    actor: CurrentActor, session: ReadSession, narrowed: NarrowedPatrols
) -> PatrolCounts:
    """Counts under the same filters as the list."""
    records, visits, enterprises, abnormal = await count_patrols(session, actor, narrowed)
    return PatrolCounts(records=records, visits=visits, enterprises=enterprises, abnormal=abnormal)


@patrols.get("/{patrol_id}", dependencies=READ)
async def get_one_patrol(patrol_id: UUID, actor: CurrentActor, session: ReadSession) -> PatrolView:
    """One patrol."""
    return PatrolView.model_validate(await get_patrol(session, actor, patrol_id))


@whistles.get("", dependencies=READ)
async def get_whistles(
    actor: CurrentActor, session: ReadSession, paging: PagingOf, narrowed: NarrowedWhistles
) -> PageOf[WhistleView]:
    """Whistles of the caller's regions, newest first."""
    return paging.page(
        await list_whistles(session, actor, paging.request, narrowed), WhistleView.model_validate
    )


@whistles.get("/counts", dependencies=READ)
async def get_whistle_counts(
    actor: CurrentActor, session: ReadSession, narrowed: NarrowedWhistles
) -> list[WhistleCount]:
    """Counts by state and urgency, under the same filters as the list."""
    rows = await count_whistles(session, actor, narrowed)
    return [WhistleCount(status=status, urgency=urgency, count=number) for status, urgency, number in rows]


@whistles.get("/{whistle_id}", dependencies=READ)
async def get_one_whistle(
    whistle_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> WhistleDetail:
    """One whistle with its history."""
    whistle = await get_whistle(session, actor, whistle_id)
    set_etag(response, whistle.version)
    steps = [WhistleStepView.model_validate(step) for step in await list_steps(session, whistle_id)]
    hazard_id = await find_whistled(session, whistle_id)
    plain = WhistleView.model_validate(whistle).model_dump()
    return WhistleDetail(**plain, hazard_id=hazard_id, steps=steps)


async def _changed(
    session: AsyncSession, actor: Actor, whistle_id: UUID, expected: int, response: Response
) -> None:
    """Refuse a write on another version than the caller read."""
    check_version((await get_whistle(session, actor, whistle_id)).version, expected)
    set_etag(response, expected + 1)


@whistles.post("/{whistle_id}/acknowledgment", dependencies=HANDLE)
async def post_acknowledgment(
    whistle_id: UUID,
    body: AcknowledgeRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> WhistleView:
    """Say that the call was heard."""
    await _changed(session, actor, whistle_id, expected, response)
    return WhistleView.model_validate(
        await acknowledge_whistle(session, actor, whistle_id, expected, body.note)
    )


@whistles.post("/{whistle_id}/handling", dependencies=HANDLE)
async def post_handling(
    whistle_id: UUID,
    body: HandleRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> WhistleView:
    """Say what was done; what the whistle was right about is registered as a hazard in the same step."""
    await _changed(session, actor, whistle_id, expected, response)
    return WhistleView.model_validate(
        await handle_whistle(session, actor, whistle_id, expected, body.note, body.visit_id, body.hazard)
    )


@whistles.post("/{whistle_id}/dismissal", dependencies=HANDLE)
async def post_dismissal(
    whistle_id: UUID,
    body: DismissRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> WhistleView:
    """Say why nothing is to be done."""
    await _changed(session, actor, whistle_id, expected, response)
    return WhistleView.model_validate(
        await dismiss_whistle(session, actor, whistle_id, expected, body.reason)
    )
