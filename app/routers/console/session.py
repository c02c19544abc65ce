"""Logging in to the console, staying and leaving, and who one is there. A person's own session needs no permission."""

from uuid import UUID

from fastapi import APIRouter, Request

from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession
from app.schemas.identity import (
    ConsoleRefresh,
    LoginRequest,
    PasswordChange,
    SessionTokens,
    SessionView,
    WhoAmI,
)
from app.services.identity.brake import Brake
from app.services.identity.errors import RefreshRefused
from app.services.identity.service import AccessToken, log_in
from app.services.identity.sessions import (
    change_password,
    end_own_session,
    list_own_sessions,
    log_out,
    log_out_everywhere,
    refresh_console,
)

router = APIRouter(prefix="/session", tags=["session"])


@router.post("/login", status_code=201, openapi_extra={"security": []})
async def post_login(body: LoginRequest, request: Request, runtime: RuntimeOf) -> SessionTokens:
    """Log in by password (public). Too many wrong ones: 429 with Retry-After."""
    address = request.client.host if request.client else ""
    subjects = {
        "login": body.login,
        "login_address": address,
        "login_from": f"{body.login}\n{address}",
    }
    brake = Brake(runtime.keys, subjects)
    await brake.begin(runtime.database)
    async with runtime.database.write() as session:
        password = body.password.get_secret_value()
        access = await log_in(session, runtime.keys, runtime.settings, body.login, password)
        await brake.release(session)
    return _tokens(access)


@router.post("/refresh", openapi_extra={"security": []})
async def post_refresh(body: ConsoleRefresh, runtime: RuntimeOf) -> SessionTokens:
    """Next tokens (public: the token authenticates); a token used after its successor was used ends the session."""
    given = body.refresh_token.get_secret_value()
    async with runtime.database.write() as session:
        access = await refresh_console(session, runtime.keys, runtime.settings, given)
    if access is None:
        raise RefreshRefused
    return _tokens(access)


def _tokens(access: AccessToken) -> SessionTokens:
    return SessionTokens(
        access_token=access.token, expires_in=access.seconds, refresh_token=access.refresh_token
    )


@router.get("")
async def get_session(actor: CurrentActor) -> WhoAmI:
    """The current user, with roles and actions (any login)."""
    actions = sorted(frozenset().union(*(grant.actions for grant in actor.grants)))
    return WhoAmI(
        user_id=actor.user_id,
        name=actor.name,
        roles=sorted(actor.roles),
        actions=actions,
        must_change_password=actor.must_change_password,
    )


@router.get("/all")
async def get_sessions(actor: CurrentActor, session: ReadSession) -> list[SessionView]:
    """The caller's own live sessions, at most 200 (any login)."""
    return [SessionView.model_validate(row) for row in await list_own_sessions(session, actor)]


@router.post("/logout", status_code=204)
async def post_logout(actor: CurrentActor, session: WriteSession) -> None:
    """End this session (any login)."""
    await log_out(session, actor)


@router.post("/logout-everywhere", status_code=204)
async def post_logout_everywhere(
    actor: CurrentActor, session: WriteSession, with_phones: bool = False
) -> None:
    """End all the caller's console sessions, and his phones' when told: those are enrolled anew after that (any login)."""
    await log_out_everywhere(session, actor, with_phones=with_phones)


@router.delete("/all/{session_id}", status_code=204)
async def delete_session(session_id: UUID, actor: CurrentActor, session: WriteSession) -> None:
    """End one of the caller's own sessions (any login)."""
    await end_own_session(session, actor, session_id)


@router.post("/password", status_code=204)
async def post_password(
    body: PasswordChange, request: Request, actor: CurrentActor, session: WriteSession, runtime: RuntimeOf
) -> None:
    """Change one's own password; the other console sessions end (any login)."""
    address = request.client.host if request.client else ""
    brake = Brake(runtime.keys, {"login_from": f"{actor.user_id}\n{address}"})
    await brake.begin(runtime.database)
    current, new = body.current.get_secret_value(), body.new.get_secret_value()
    await change_password(session, actor, current, new)
    await brake.release(session)
