"""Coming in by an invitation's code, staying and leaving. A session ends with its invitation, at once."""

from fastapi import APIRouter, Request

from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession
from app.schemas.enterprise.session import BindingView, RedemptionRequest
from app.schemas.identity import ConsoleRefresh, SessionTokens
from app.services.enterprises.invited import (
    InvitedTokens,
    binding_of,
    leave,
    redeem_code,
    refresh_invited,
)
from app.services.identity.brake import Brake
from app.services.identity.errors import RefreshRefused

router = APIRouter(prefix="/session", tags=["session"])


@router.post("/redemption", status_code=201, openapi_extra={"security": []})
async def post_redemption(body: RedemptionRequest, request: Request, runtime: RuntimeOf) -> SessionTokens:
    """Use an invitation's code for a session (public: the code authenticates). Too many wrong ones: 429 with Retry-After."""
    brake = Brake(runtime.keys, {"invited_address": request.client.host if request.client else ""})
    await brake.begin(runtime.database)
    async with runtime.database.write() as session:
        code = body.code.get_secret_value()
        given = await redeem_code(session, runtime.keys, runtime.settings, code)
        await brake.release(session)
    return _tokens(given)


@router.post("/refresh", openapi_extra={"security": []})
async def post_refresh(body: ConsoleRefresh, runtime: RuntimeOf) -> SessionTokens:
    """Next tokens (public: the token authenticates); a token used after its successor was used ends the session."""
    async with runtime.database.write() as session:
        token = body.refresh_token.get_secret_value()
        given = await refresh_invited(session, runtime.keys, runtime.settings, token)
    if given is None:
        raise RefreshRefused
    return _tokens(given)


@router.get("")
async def get_session(actor: CurrentActor, session: ReadSession) -> BindingView:
    """The person, the enterprise and the site of this invitation (any login)."""
    return BindingView.model_validate(await binding_of(session, actor))


@router.post("/logout", status_code=204)
async def post_logout(actor: CurrentActor, session: WriteSession) -> None:
    """End this session (any login)."""
    await leave(session, actor)


def _tokens(given: InvitedTokens) -> SessionTokens:
    return SessionTokens(
        access_token=given.token, expires_in=given.seconds, refresh_token=given.refresh_token
    )
