"""Refresh tokens: each is used once for its successor; a repeated exchange gives the same successor until that one is used.

A successor is derived from its parent (HMAC), so nothing secret is stored and a lost answer locks nobody out. Using a token
whose successor has been used is a theft: the whole session ends.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import utc_now
from app.core.ids import new_id
from app.models.identity import LoginSession, RefreshToken
from app.services.identity.errors import RefreshRefused
from app.services.identity.keys import KeyRing, base64url


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The next refresh token of a session; `theft` True when the session has just been ended instead."""

    session_id: UUID
    token: str
    theft: bool = False


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _token_of(keys: KeyRing, token_id: UUID) -> str:
    return base64url(keys.derive("refresh", token_id.bytes))


async def first_refresh_token(
    session: AsyncSession, keys: KeyRing, session_id: UUID, validity: timedelta
) -> str:
    """Open the chain of a new session."""
    identifier = new_id()
    token = _token_of(keys, identifier)
    session.add(
        RefreshToken(
            id=identifier, session_id=session_id, token_hash=_hash(token), expires_at=utc_now() + validity
        )
    )
    await session.flush()
    return token


async def find_session(session: AsyncSession, token: str) -> LoginSession:
    """The live session of a refresh token; raises RefreshRefused. Locks the session: exchanges of one chain go in single file.

    A session that ended with its phone is given too: the caller refuses it by the phone's state, pointing to the intake.
    """
    wanted = (
        select(LoginSession)
        .join(RefreshToken, RefreshToken.session_id == LoginSession.id)
        .where(
            RefreshToken.token_hash == _hash(token),
            RefreshToken.expires_at > utc_now(),
            or_(LoginSession.revoked_at.is_(None), LoginSession.revoked_reason == "device_revoked"),
        )
        .with_for_update(of=LoginSession)
    )
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise RefreshRefused
    return found


async def exchange(session: AsyncSession, keys: KeyRing, token: str, validity: timedelta) -> Refreshed:
    """The successor of a token. Call find_session() first, in the same unit of work.

    The token itself is marked used at its first exchange; when its successor is already used, the session is ended
    (`theft`), which must be committed: so it is told, not raised.
    """
    wanted = select(RefreshToken).where(RefreshToken.token_hash == _hash(token))
    current = (await session.execute(wanted)).scalar_one()
    successor = (
        await session.execute(select(RefreshToken).where(RefreshToken.parent_id == current.id))
    ).scalar_one_or_none()
    if successor is not None and successor.used_at is not None:
        await end_session(session, current.session_id, "refresh_reused")
        return Refreshed(current.session_id, "", theft=True)
    if successor is None:
        identifier = new_id()
        successor_token = _token_of(keys, identifier)
        values = {
            "id": identifier,
            "session_id": current.session_id,
            "token_hash": _hash(successor_token),
            "parent_id": current.id,
            "expires_at": utc_now() + validity,
            "created_at": utc_now(),
        }
        await session.execute(insert(RefreshToken).values(values))
        if current.used_at is None:
            current.used_at = utc_now()
            await session.flush()
        await session.execute(
            update(LoginSession)
            .where(LoginSession.id == current.session_id)
            .values(expires_at=utc_now() + validity)
        )
        return Refreshed(current.session_id, successor_token)
    return Refreshed(current.session_id, _token_of(keys, successor.id))


async def end_session(session: AsyncSession, session_id: UUID, reason: str) -> None:
    """End one session at once: it is checked on every request."""
    await session.execute(
        update(LoginSession)
        .where(LoginSession.id == session_id, LoginSession.revoked_at.is_(None))
        .values(revoked_at=utc_now(), revoked_reason=reason)
    )
