"""Phones at the console: codes, confirmation by fingerprint, revocation."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession, allowed
from app.schemas.devices import CodeAnswer, CodeRequest, ConfirmRequest, DeviceView, RevokeRequest
from app.services.identity.devices import (
    confirm_device,
    get_device,
    issue_enrollment_code,
    list_devices,
    revoke_device,
)

router = APIRouter(prefix="/devices", tags=["devices"])
READ = [Depends(allowed("devices:read"))]
MANAGE = [Depends(allowed("devices:manage"))]


@router.post("/codes", status_code=201, dependencies=MANAGE)
async def post_code(
    body: CodeRequest, actor: CurrentActor, session: WriteSession, runtime: RuntimeOf
) -> CodeAnswer:
    """A one-time enrolment code for a user (a credential: never stored, never replayed)."""
    code = await issue_enrollment_code(session, actor, runtime.settings, body.user_id)
    return CodeAnswer(code=code, expires_in=runtime.settings.enrollment_code_minutes * 60)


@router.get("", dependencies=READ)
async def get_devices(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    user_id: UUID | None = None,
    status: Annotated[Literal["pending", "active", "revoked"] | None, Query()] = None,
) -> PageOf[DeviceView]:
    """Phones of users in the caller's regions."""
    page = await list_devices(session, actor, paging.request, user_id=user_id, status=status)
    return paging.page(page, DeviceView.model_validate)


@router.get("/{device_id}", dependencies=READ)
async def get_one_device(
    device_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> DeviceView:
    """One phone."""
    device = await get_device(session, actor, device_id)
    set_etag(response, device.version)
    return DeviceView.model_validate(device)


@router.post("/{device_id}/confirmation", dependencies=MANAGE)
async def post_confirmation(
    device_id: UUID,
    body: ConfirmRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> DeviceView:
    """Confirm that the phone shows this fingerprint."""
    check_version((await get_device(session, actor, device_id)).version, expected)
    device = await confirm_device(session, actor, device_id, expected, body.fingerprint)
    set_etag(response, device.version)
    return DeviceView.model_validate(device)


@router.post("/{device_id}/revocation", dependencies=MANAGE)
async def post_revocation(
    device_id: UUID,
    body: RevokeRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> DeviceView:
    """Stop a phone at once."""
    check_version((await get_device(session, actor, device_id)).version, expected)
    device = await revoke_device(session, actor, device_id, expected, body.reason)
    set_etag(response, device.version)
    return DeviceView.model_validate(device)
