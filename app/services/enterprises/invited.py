"""The invited person's side: a code becomes a session, which is refreshed, left, and ends with its invitation."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings
from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.ids import new_id
from app.models.enterprises import Enterprise, Site, SiteInvitation
from app.models.identity import LoginSession
from app.services.audit.service import record_act
from app.services.enterprises.errors import InvitationRefusedProblem
from app.services.enterprises.invitations import code_hash, record_invitation, state_of
from app.services.identity.errors import RefreshRefused
from app.services.identity.keys import KeyRing
from app.services.identity.refreshing import end_session, exchange, find_session, first_refresh_token
from app.services.identity.tokens import ENTERPRISE, issue_access_token


@dataclass(frozen=True, slots=True)
class InvitedTokens:
    """A bearer token of this audience, the seconds it is good for, and the refresh token for the next one."""

    token: str
    seconds: int
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Binding:
    """What an invitation binds a person to, and until when."""

    name: str
    enterprise_id: UUID
    enterprise_name: str
    site_id: UUID
    site_name: str
    expires_at: datetime


async def redeem_code(session: AsyncSession, keys: KeyRing, settings: Settings, code: str) -> InvitedTokens:
    """Use a code up for a session; raises InvitationRefusedProblem for an unknown, used, late or revoked one alike."""
    now = utc_now()
    used = (
        update(SiteInvitation)
        .where(
            SiteInvitation.code_hash == code_hash(code),
            SiteInvitation.redeemed_at.is_(None),
            SiteInvitation.revoked_at.is_(None),
            SiteInvitation.code_expires_at > now,
        )
        .values(redeemed_at=now, version=SiteInvitation.version + 1)
        .returning(SiteInvitation)
    )
    invitation = (await session.execute(used)).scalar_one_or_none()
    if invitation is None:
        raise InvitationRefusedProblem
    validity = _validity(settings, invitation)
    opened = LoginSession(id=new_id(), invitation_id=invitation.id, expires_at=now + validity)
    session.add(opened)
    await session.flush()
    refresh = await first_refresh_token(session, keys, opened.id, validity)
    actor = Actor(kind="enterprise", invitation_id=invitation.id, session_id=opened.id)
    site = await session.get_one(Site, invitation.site_id)
    await record_invitation(session, actor, invitation, site.region_id, "enterprises:redeem_invitation")
    return _tokens(keys, settings, opened.id, refresh)


async def refresh_invited(
    session: AsyncSession, keys: KeyRing, settings: Settings, refresh_token: str
) -> InvitedTokens | None:
    """The next tokens; None after a theft (the session is ended, which must be committed). Raises RefreshRefused."""
    opened = await find_session(session, refresh_token)
    invitation = (
        await session.get(SiteInvitation, opened.invitation_id) if opened.invitation_id is not None else None
    )
    if invitation is None or state_of(invitation, utc_now()) != "active":
        raise RefreshRefused
    refreshed = await exchange(session, keys, refresh_token, _validity(settings, invitation))
    return None if refreshed.theft else _tokens(keys, settings, opened.id, refreshed.token)


async def leave(session: AsyncSession, actor: Actor) -> None:
    """End the session that asks; the invitation's code is used up, so coming back takes another invitation."""
    assert actor.session_id is not None
    assert actor.site_id is not None
    await end_session(session, actor.session_id, "logged_out")
    site = await session.get_one(Site, actor.site_id)
    await record_act(
        session, actor, action="sessions:end", kind="login_session", object_id=actor.session_id, version=1,
        region_id=site.region_id, detail={"reason": "logged_out"},
    )  # fmt: skip


async def binding_of(session: AsyncSession, actor: Actor) -> Binding:
    """What the actor's invitation binds him to."""
    wanted = (
        select(SiteInvitation, Enterprise.name, Site.name)
        .join(Enterprise, Enterprise.id == SiteInvitation.enterprise_id)
        .join(Site, Site.id == SiteInvitation.site_id)
        .where(SiteInvitation.id == actor.invitation_id)
    )
    invitation, enterprise_name, site_name = (await session.execute(wanted)).one()
    return Binding(
        invitation.name,
        invitation.enterprise_id,
        enterprise_name,
        invitation.site_id,
        site_name,
        invitation.expires_at,
    )


def _validity(settings: Settings, invitation: SiteInvitation) -> timedelta:
    """How long a refresh token is good for: never beyond the invitation."""
    return min(timedelta(days=settings.enterprise_refresh_days), invitation.expires_at - utc_now())


def _tokens(keys: KeyRing, settings: Settings, session_id: UUID, refresh: str) -> InvitedTokens:
    minutes = settings.access_token_minutes
    token = issue_access_token(keys, minutes=minutes, session_id=session_id, audience=ENTERPRISE)
    return InvitedTokens(token, minutes * 60, refresh)
