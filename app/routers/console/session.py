"""Logging in to the console, and who one is there."""

from fastapi import APIRouter

from app.http.sessions import CurrentActor, RuntimeOf, WriteSession
from app.schemas.identity import LoginRequest, TokenAnswer, WhoAmI
from app.services.identity.service import log_in

router = APIRouter(prefix="/session", tags=["session"])


@router.post("/login", status_code=201, openapi_extra={"security": []})
async def post_login(body: LoginRequest, session: WriteSession, runtime: RuntimeOf) -> TokenAnswer:
    """Log in by password (public)."""
    access = await log_in(
        session, runtime.keys, runtime.settings, body.login, body.password.get_secret_value()
    )
    return TokenAnswer(access_token=access.token, expires_in=access.seconds)


@router.get("")
async def get_session(actor: CurrentActor) -> WhoAmI:
    """The current user, with roles and actions (any login)."""
    actions = sorted(frozenset().union(*(grant.actions for grant in actor.grants)))
    return WhoAmI(user_id=actor.user_id, name=actor.name, roles=sorted(actor.roles), actions=actions)
