"""Phones: enrolment and tokens (public by necessity: a code or the phone's own key authenticates), and what they say they hold."""

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError

from app.http.sessions import CurrentActor, RuntimeOf, WriteSession, allowed
from app.schemas.board import OutboxStatement, OutboxView
from app.schemas.devices import DeviceTokensView, EnrollmentRequest, RefreshMoment, RefreshRequest
from app.services.board.outbox import state_outbox
from app.services.identity.brake import Brake
from app.services.identity.devices import enroll_device, refresh_device
from app.services.identity.errors import DeviceKeyProblem, RefreshRefused

router = APIRouter(prefix="/devices", tags=["devices"])


@router.post("/enroll", status_code=201, openapi_extra={"security": []})
async def post_enrollment(
    body: EnrollmentRequest, request: Request, session: WriteSession, runtime: RuntimeOf
) -> DeviceTokensView:
    """Bind a phone to the code's user (public: the code authenticates)."""
    brake = Brake(runtime.keys, {"enroll_address": request.client.host if request.client else ""})
    await brake.begin(runtime.database)
    tokens = await enroll_device(session, runtime.keys, runtime.settings, **body.model_dump())
    await brake.release(session)
    return DeviceTokensView.model_validate(tokens)


@router.post("/refresh", openapi_extra={"security": []})
async def post_refresh(body: RefreshRequest, runtime: RuntimeOf) -> DeviceTokensView:
    """Next tokens (public: token and key proof authenticate); repeating it gives the same successor until that is used."""
    try:
        at = RefreshMoment.model_validate({"at": body.at}).at
    except ValidationError as error:
        raise DeviceKeyProblem from error
    async with runtime.database.write() as session:
        tokens = await refresh_device(
            session,
            runtime.keys,
            runtime.settings,
            refresh_token=body.refresh_token,
            at=at,
            at_text=body.at,
            proof=body.proof,
        )
    if tokens is None:
        raise RefreshRefused
    return DeviceTokensView.model_validate(tokens)


@router.post("/me/outbox", dependencies=[Depends(allowed("evidence:upload"))])
async def post_outbox(body: OutboxStatement, actor: CurrentActor, session: WriteSession) -> OutboxView:
    """State what still waits on this phone to be sent; supervisors see it on the board. Stating it again is harmless."""
    return OutboxView.model_validate(await state_outbox(session, actor, body))
