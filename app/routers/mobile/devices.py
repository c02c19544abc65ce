"""Enrolment and tokens of phones. Public by necessity: each is authenticated by a code or by the phone's own key."""

from fastapi import APIRouter, Request
from pydantic import ValidationError

from app.http.sessions import RuntimeOf, WriteSession
from app.schemas.devices import DeviceTokensView, EnrollmentRequest, RefreshMoment, RefreshRequest
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
