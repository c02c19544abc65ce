"""Extensions of rectification orders and placards at the console: proposed by one, granted or refused by another."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.schemas.extensions import ExtensionRequest, ExtensionView, SettlementRequest
from app.services.hazards.extensions import (
    Extension,
    ExtensionFilter,
    get_extension,
    list_extensions,
    propose_extension,
    propose_placard_extension,
    settle_extension,
)
from app.services.hazards.placards import get_placard
from app.services.hazards.service import get_hazard

router = APIRouter(tags=["hazards"])
READ = [Depends(allowed("hazards:read"))]
PROPOSE = [Depends(allowed("hazards:propose_extension"))]
DECIDE = [Depends(allowed("clocks:extend"))]


def _filter(
    region_id: UUID | None = None,
    hazard_id: UUID | None = None,
    placard_id: UUID | None = None,
    status: Annotated[Literal["proposed", "granted", "refused", "withdrawn"] | None, Query()] = None,
) -> ExtensionFilter:
    return ExtensionFilter(region_id, hazard_id, placard_id, status)


Narrowed = Annotated[ExtensionFilter, Depends(_filter)]


def view_of(extension: Extension) -> ExtensionView:
    """An extension as it is shown."""
    plain = {name: getattr(extension.row, name) for name in ExtensionView.model_fields if name != "is_lapsed"}
    return ExtensionView(**plain, is_lapsed=extension.is_lapsed)


@router.post("/hazards/{hazard_id}/extensions", status_code=201, dependencies=PROPOSE)
async def post_extension(
    hazard_id: UUID,
    body: ExtensionRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> ExtensionView:
    """Propose that the order's period be longer; If-Match is the hazard's version. The answer tells the day it would end."""
    check_version((await get_hazard(session, actor, hazard_id)).version, expected)
    extension = await propose_extension(session, actor, hazard_id, body.amount, body.reason)
    set_etag(response, extension.row.version)
    return view_of(extension)


@router.post("/placards/{placard_id}/extensions", status_code=201, dependencies=PROPOSE)
async def post_placard_extension(
    placard_id: UUID,
    body: ExtensionRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> ExtensionView:
    """Propose that the period of a placard in force be longer; If-Match is the placard's version. Of those who
    might decide about the placard, the person in charge grants or refuses it."""
    check_version((await get_placard(session, actor, placard_id)).version, expected)
    extension = await propose_placard_extension(session, actor, placard_id, body.amount, body.reason)
    set_etag(response, extension.row.version)
    return view_of(extension)


@router.get("/extensions", dependencies=READ)
async def get_extensions(
    actor: CurrentActor, session: ReadSession, paging: PagingOf, narrowed: Narrowed
) -> PageOf[ExtensionView]:
    """Extensions of the caller's regions, newest first; `status=proposed` lists what waits for the person in charge. `hazard_id`
    finds those of its orders, `placard_id` those of a placard."""
    return paging.page(await list_extensions(session, actor, paging.request, narrowed), view_of)


@router.get("/extensions/{extension_id}", dependencies=READ)
async def get_one_extension(
    extension_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> ExtensionView:
    """One extension."""
    extension = await get_extension(session, actor, extension_id)
    set_etag(response, extension.row.version)
    return view_of(extension)


async def _settle(
    session: AsyncSession,
    actor: Actor,
    extension_id: UUID,
    expected: int,
    action: str,
    reason: str,
    response: Response,
) -> ExtensionView:
    check_version((await get_extension(session, actor, extension_id)).row.version, expected)
    settled = await settle_extension(session, actor, extension_id, expected, action, reason)
    set_etag(response, settled.row.version)
    return view_of(settled)


@router.post("/extensions/{extension_id}/grant", dependencies=DECIDE)
async def post_extension_grant(
    extension_id: UUID,
    body: SettlementRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> ExtensionView:
    """Grant it: the clock moves the deadline."""
    return await _settle(session, actor, extension_id, expected, "grant", body.reason, response)


@router.post("/extensions/{extension_id}/refusal", dependencies=DECIDE)
async def post_extension_refusal(
    extension_id: UUID,
    body: SettlementRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> ExtensionView:
    """Refuse it: the deadline stays."""
    return await _settle(session, actor, extension_id, expected, "refuse", body.reason, response)


@router.post("/extensions/{extension_id}/withdrawal", dependencies=PROPOSE)
async def post_extension_withdrawal(
    extension_id: UUID,
    body: SettlementRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> ExtensionView:
    """Take the proposal back."""
    return await _settle(session, actor, extension_id, expected, "withdraw", body.reason, response)
