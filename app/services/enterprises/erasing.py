"""What is forgotten of the people who were invited: who they were, some time after their invitation has ended."""

from datetime import timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import utc_now
from app.db.versions import compare_and_set
from app.models.enterprises import Site, SiteInvitation
from app.services.enterprises.invitations import record_invitation
from app.services.identity.keys import KeyRing

BATCH = 200


def person_hash(keys: KeyRing, name: str, phone: str | None, email: str | None) -> str:
    """Of a person as he was invited, keyed: nobody without the installation's secret finds him by trying names and numbers."""
    said = "\x00".join((name, phone or "", email or ""))
    return "hmac-sha-256:" + keys.derive("invited-person", said.encode()).hex()


async def erase_ended(session: AsyncSession, keys: KeyRing, kept_days: int) -> int:
    """Erase name, telephone and e-mail of invitations that ended so many days ago: revoked, over, or never used in time.

    The invitation itself stays, with what was done by it, and a keyed hash of the person. Each is written down. Gives how many; an
    invitation that somebody is changing waits for the next time.
    """
    invitation = SiteInvitation
    unused = func.least(invitation.code_expires_at, invitation.expires_at)
    ended = or_(
        invitation.revoked_at < (before := utc_now() - timedelta(days=kept_days)),
        invitation.expires_at < before,
        invitation.redeemed_at.is_(None) & (unused < before),
    )
    wanted = (
        select(invitation, Site.region_id)
        .join(Site, Site.id == invitation.site_id)
        .where(invitation.erased_at.is_(None), ended)
        .order_by(invitation.id)
        .limit(BATCH)
        .with_for_update(of=invitation, skip_locked=True)
    )
    found = [(row[0], row[1]) for row in await session.execute(wanted)]
    for one, region_id in found:
        kept = person_hash(keys, one.name, one.phone, one.email)
        nothing = {"name": "", "phone": None, "email": None}
        await compare_and_set(session, one, one.version, erased_at=utc_now(), person_hash=kept, **nothing)
        await record_invitation(
            session, SYSTEM, one, region_id, "enterprises:erase_invited", {"person_hash": kept}
        )
    return len(found)
