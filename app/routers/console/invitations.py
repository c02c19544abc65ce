"""Invitations at the console: a person of an enterprise, its site, a code that is shown once."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response

from app.core.clock import utc_now
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession, allowed
from app.models.enterprises import SiteInvitation
from app.schemas.invitations import InvitationCode, InvitationRequest, InvitationView, RevocationRequest
from app.services.enterprises.invitations import (
    Invited,
    get_invitation,
    invite,
    list_invitations,
    masked,
    revoke_invitation,
    state_of,
)

router = APIRouter(prefix="/invitations", tags=["invitations"])
READ = [Depends(allowed("enterprises:read"))]
INVITE = [Depends(allowed("enterprises:invite"))]


def _shown(invitation: SiteInvitation) -> InvitationView:
    told = {"state": state_of(invitation, utc_now()), **masked(invitation)}
    plain = {name: getattr(invitation, name) for name in InvitationView.model_fields if name not in told}
    return InvitationView(**plain, **told)


@router.post("", status_code=201, dependencies=INVITE)
async def post_invitation(
    body: InvitationRequest, actor: CurrentActor, session: WriteSession, runtime: RuntimeOf
) -> InvitationCode:
    """Invite a person to a site of his enterprise, by a one-time code (a credential: never stored, never replayed).

    Asking again is harmless: another invitation, which can be revoked.
    """
    invitation, code = await invite(session, actor, runtime.settings, Invited(**body.model_dump()))
    seconds = int((invitation.code_expires_at - utc_now()).total_seconds())
    return InvitationCode(invitation=_shown(invitation), code=code, expires_in=seconds)


@router.get("", dependencies=READ)
async def get_invitations(
    actor: CurrentActor, session: ReadSession, paging: PagingOf, site_id: UUID | None = None
) -> PageOf[InvitationView]:
    """Invitations to sites of the caller's regions, newest first."""
    return paging.page(await list_invitations(session, actor, paging.request, site_id=site_id), _shown)


@router.get("/{invitation_id}", dependencies=READ)
async def get_one_invitation(
    invitation_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> InvitationView:
    """One invitation."""
    invitation = await get_invitation(session, actor, invitation_id)
    set_etag(response, invitation.version)
    return _shown(invitation)


@router.post("/{invitation_id}/revocation", dependencies=INVITE)
async def post_revocation(
    invitation_id: UUID,
    body: RevocationRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> InvitationView:
    """End an invitation: its code and its sessions stop at once."""
    check_version((await get_invitation(session, actor, invitation_id)).version, expected)
    invitation = await revoke_invitation(session, actor, invitation_id, expected, body.reason)
    set_etag(response, invitation.version)
    return _shown(invitation)
