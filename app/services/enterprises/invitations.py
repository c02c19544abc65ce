"""Invitations: an officer lets a person of an enterprise see the orders of its site and answer them, until a day, revocably."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings
from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.core.masking import masked_email, masked_name, masked_phone
from app.core.paging import Page, PageRequest
from app.db.versions import compare_and_set
from app.models.enterprises import Site, SiteInvitation
from app.services.audit.service import record_act
from app.services.enterprises.errors import InvitationEndedProblem, InvitationPeriodProblem
from app.services.enterprises.people import checked_phone
from app.services.enterprises.sites import get_site

State = Literal["open", "lapsed", "active", "expired", "revoked"]
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_CODE_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Invited:
    """Who is to be invited to which site, for how many days."""

    site_id: UUID
    name: str
    phone: str | None
    email: str | None
    days: int


def code_hash(code: str) -> str:
    """What is kept of a code; letters in either case."""
    return hashlib.sha256(code.strip().upper().encode()).hexdigest()


def state_of(invitation: SiteInvitation, now: datetime) -> State:
    """Where it stands. Open: the code waits to be used; lapsed: it was not used in time."""
    if invitation.revoked_at is not None:
        return "revoked"
    if invitation.redeemed_at is None:
        return "open" if now < invitation.code_expires_at else "lapsed"
    return "active" if now < invitation.expires_at else "expired"


def masked(invitation: SiteInvitation) -> dict[str, Any]:
    """The person as shown; whoever may see more has the enterprise's contacts."""
    return {
        "name": masked_name(invitation.name),
        "phone": masked_phone(invitation.phone) if invitation.phone else None,
        "email": masked_email(invitation.email) if invitation.email else None,
    }


async def invite(
    session: AsyncSession, actor: Actor, settings: Settings, invited: Invited
) -> tuple[SiteInvitation, str]:
    """Invite a person of the enterprise whose site it is; gives the invitation and its code, which is shown this once.

    Raises NotFoundProblem for a foreign site, PhoneProblem, InvitationPeriodProblem.
    """
    site = await get_site(session, actor, invited.site_id)
    actor.require("enterprises:invite", site.region_id)
    if invited.days > settings.invitation_days:
        raise InvitationPeriodProblem(most=settings.invitation_days)
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    expires_at = utc_now() + timedelta(days=invited.days)
    invitation = SiteInvitation(
        id=new_id(),
        version=1,
        enterprise_id=site.enterprise_id,
        site_id=site.id,
        invited_by=actor.user_id,
        name=invited.name,
        phone=checked_phone(invited.phone) if invited.phone else None,
        email=invited.email,
        code_hash=code_hash(code),
        code_expires_at=min(utc_now() + timedelta(hours=settings.invitation_code_hours), expires_at),
        expires_at=expires_at,
    )
    session.add(invitation)
    await session.flush()
    await record_invitation(session, actor, invitation, site.region_id, "enterprises:invite")
    return invitation, code


async def list_invitations(
    session: AsyncSession, actor: Actor, request: PageRequest, *, site_id: UUID | None
) -> Page[SiteInvitation]:
    """Invitations to sites of the actor's regions, newest first; one statement."""
    wanted = select(SiteInvitation).join(Site, Site.id == SiteInvitation.site_id)
    conditions: list[ColumnElement[bool]] = [Site.region_id.in_(actor.regions_for("enterprises:read"))]
    if site_id is not None:
        conditions.append(SiteInvitation.site_id == site_id)
    if request.after:
        conditions.append(SiteInvitation.id < request.after[0])
    ordered = wanted.where(*conditions).order_by(SiteInvitation.id.desc()).limit(request.limit + 1)
    rows: Sequence[SiteInvitation] = (await session.execute(ordered)).scalars().all()
    return Page.cut(list(rows), request, key=lambda row: (row.id,))


async def get_invitation(session: AsyncSession, actor: Actor, invitation_id: UUID) -> SiteInvitation:
    """One invitation to a site of the actor's regions; raises NotFoundProblem."""
    invitation = await session.get(SiteInvitation, invitation_id)
    if invitation is None:
        raise NotFoundProblem
    await get_site(session, actor, invitation.site_id)
    return invitation


async def revoke_invitation(
    session: AsyncSession, actor: Actor, invitation_id: UUID, expected: int, reason: str
) -> SiteInvitation:
    """End an invitation for good: its code and every session of it stop at once, for both are judged by it on every request.

    Raises InvitationEndedProblem when it is revoked already.
    """
    invitation = await get_invitation(session, actor, invitation_id)
    site = await get_site(session, actor, invitation.site_id)
    actor.require("enterprises:invite", site.region_id)
    if invitation.revoked_at is not None:
        raise InvitationEndedProblem
    await compare_and_set(session, invitation, expected, revoked_at=utc_now(), revoked_reason=reason)
    await record_invitation(
        session, actor, invitation, site.region_id, "enterprises:revoke_invitation", {"reason": reason}
    )
    return invitation


async def record_invitation(
    session: AsyncSession,
    actor: Actor,
    invitation: SiteInvitation,
    region_id: UUID,
    action: str,
    detail: dict[str, Any] | None = None,
) -> None:
    """The audit row of an act on an invitation; of the person only what is shown."""
    await record_act(
        session,
        actor,
        action=action,
        kind="site_invitation",
        object_id=invitation.id,
        version=invitation.version,
        region_id=region_id,
        detail={"site_id": str(invitation.site_id), **(detail or {})},
        after={**masked(invitation), "state": state_of(invitation, utc_now())},
    )
