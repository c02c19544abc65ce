"""Console sessions: refreshing, looking at one's own, ending them, changing the password. Phones: see devices."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings
from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import ForbiddenProblem, NotFoundProblem
from app.db.rows import insert_rows
from app.models.identity import LoginSession, User
from app.services.audit.service import Act, record_act, rows_of_acts
from app.services.identity.errors import CredentialsProblem, RefreshRefused, SamePasswordProblem
from app.services.identity.keys import KeyRing
from app.services.identity.passwords import hash_password, password_matches
from app.services.identity.refreshing import exchange, find_session
from app.services.identity.service import AccessToken
from app.services.identity.tokens import issue_access_token


async def refresh_console(
    session: AsyncSession, keys: KeyRing, settings: Settings, refresh_token: str
) -> AccessToken | None:
    """The next tokens of a browser; None after a theft (the session is ended, which must be committed).

    A phone's refresh token is refused: it needs the proof of its key, which only /mobile/v1/devices/refresh asks for. So is an
    enterprise's, which is for its own doors.
    """
    opened = await find_session(session, refresh_token)
    if opened.device_id is not None or opened.user_id is None:
        raise RefreshRefused
    refreshed = await exchange(session, keys, refresh_token, timedelta(hours=settings.console_refresh_hours))
    if refreshed.theft:
        return None
    minutes = settings.access_token_minutes
    token = issue_access_token(keys, minutes=minutes, session_id=opened.id)
    return AccessToken(token, minutes * 60, opened.id, opened.user_id, refreshed.token)


async def list_own_sessions(session: AsyncSession, actor: Actor) -> Sequence[LoginSession]:
    """The caller's live sessions, phones included, newest first."""
    wanted = select(LoginSession).where(
        LoginSession.user_id == actor.user_id,
        LoginSession.revoked_at.is_(None),
        LoginSession.expires_at > utc_now(),
    )
    return (await session.execute(wanted.order_by(LoginSession.id.desc()).limit(200))).scalars().all()


async def log_out(session: AsyncSession, actor: Actor) -> None:
    """End the session that asks."""
    await _end(session, actor, "logged_out", LoginSession.id == actor.session_id)


async def log_out_everywhere(session: AsyncSession, actor: Actor, *, with_phones: bool) -> None:
    """End every session of the caller; his phones' only when told: they must be enrolled anew after that."""
    which = () if with_phones else (LoginSession.device_id.is_(None),)
    await _end(session, actor, "logged_out_everywhere", *which)


async def end_own_session(session: AsyncSession, actor: Actor, session_id: UUID) -> None:
    """End one of the caller's sessions; raises NotFoundProblem when it is none of his, or has ended."""
    if not await _end(session, actor, "ended_by_owner", LoginSession.id == session_id):
        raise NotFoundProblem


async def end_sessions_of(
    session: AsyncSession, actor: Actor, user: User, reason: str, *, with_phones: bool
) -> None:
    """End a user's sessions at once, each with its audit row."""
    which = () if with_phones else (LoginSession.device_id.is_(None),)
    await _end_of(session, actor, user, reason, *which)


async def change_password(session: AsyncSession, actor: Actor, current: str, new: str) -> None:
    """Set a new password and end the caller's other console sessions; raises CredentialsProblem for a wrong one."""
    user = await _own_user(session, actor)
    if not await password_matches(current, user.password_hash):
        raise CredentialsProblem
    if current == new:
        raise SamePasswordProblem
    user.password_hash = await hash_password(new)
    user.initial_password_until = None
    user.version += 1
    await session.flush()
    await record_act(
        session, actor, action="users:change_password", kind="user", object_id=user.id, version=user.version,
        region_id=user.region_id,
    )  # fmt: skip
    others = (LoginSession.device_id.is_(None), LoginSession.id != actor.session_id)
    await _end(session, actor, "password_changed", *others)


async def _own_user(session: AsyncSession, actor: Actor) -> User:
    if actor.user_id is None:
        raise ForbiddenProblem
    wanted = select(User).where(User.id == actor.user_id).with_for_update()
    return (await session.execute(wanted)).scalar_one()


async def _end(session: AsyncSession, actor: Actor, reason: str, *which: ColumnElement[bool]) -> int:
    return await _end_of(session, actor, await _own_user(session, actor), reason, *which)


async def _end_of(
    session: AsyncSession, actor: Actor, user: User, reason: str, *which: ColumnElement[bool]
) -> int:
    ended = (
        update(LoginSession)
        .where(LoginSession.user_id == user.id, LoginSession.revoked_at.is_(None), *which)
        .values(revoked_at=utc_now(), revoked_reason=reason)
        .returning(LoginSession.id)
    )
    identifiers = (await session.execute(ended)).scalars().all()
    acts = [
        Act("sessions:end", "login_session", identifier, 1, user.region_id, detail={"reason": reason})
        for identifier in identifiers
    ]
    await insert_rows(session, *rows_of_acts(actor, acts))
    return len(identifiers)
