"""The register of enforcement certificates (执法证): entered, found, revoked. What they prove on a day: certificates.py."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.core.paging import Page, PageRequest
from app.db.versions import compare_and_set
from app.models.identity import OfficerCertificate, User
from app.schemas.users import CertificateRequest
from app.services.audit.service import record_act
from app.services.identity.certificates import certificate_valid
from app.services.identity.errors import CertificateNumberProblem, OwnAccountProblem, RevocationProblem


@dataclass(frozen=True, slots=True)
class CertificateFilter:
    """What a list is narrowed to; None means all. `expires_until`: not revoked, and ending on that day at the latest."""

    user_id: UUID | None = None
    valid_on: date | None = None
    expires_until: date | None = None


async def get_certificate(session: AsyncSession, actor: Actor, certificate_id: UUID) -> OfficerCertificate:
    """One certificate of a user in the actor's regions; raises NotFoundProblem."""
    wanted = (
        select(OfficerCertificate)
        .join(User, User.id == OfficerCertificate.user_id)
        .where(OfficerCertificate.id == certificate_id, _visible(actor))
    )
    certificate = (await session.execute(wanted)).scalar_one_or_none()
    if certificate is None:
        raise NotFoundProblem
    return certificate


async def list_certificates(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: CertificateFilter
) -> Page[OfficerCertificate]:
    """Certificates of users in the actor's regions, the newest entry first."""
    conditions = [_visible(actor)]
    if narrowed.user_id is not None:
        conditions.append(OfficerCertificate.user_id == narrowed.user_id)
    if narrowed.valid_on is not None:
        conditions += certificate_valid(narrowed.valid_on, narrowed.valid_on)
    if narrowed.expires_until is not None:
        conditions.append(OfficerCertificate.valid_until <= narrowed.expires_until)
        conditions.append(OfficerCertificate.revoked_on.is_(None))
    if request.after:
        conditions.append(OfficerCertificate.id < request.after[0])
    wanted = select(OfficerCertificate).join(User, User.id == OfficerCertificate.user_id).where(*conditions)
    rows = await session.execute(wanted.order_by(OfficerCertificate.id.desc()).limit(request.limit + 1))
    return Page.cut(list(rows.scalars()), request, key=lambda row: (row.id,))


async def enter_certificate(
    session: AsyncSession, actor: Actor, request: CertificateRequest
) -> OfficerCertificate:
    """Enter a certificate of a user, never one's own; a renewal is a new one."""
    if request.user_id == actor.user_id:
        raise OwnAccountProblem
    user = await session.get(User, request.user_id)
    if user is None or user.region_id not in actor.regions_for("certificates:manage"):
        raise NotFoundProblem
    taken = select(OfficerCertificate.id).where(OfficerCertificate.number == request.number)
    if await session.scalar(taken):
        raise CertificateNumberProblem
    certificate = OfficerCertificate(id=new_id(), version=1, **request.model_dump())
    session.add(certificate)
    await session.flush()
    await _record(session, actor, certificate, user.region_id, "certificates:enter")
    return certificate


async def revoke_certificate(
    session: AsyncSession,
    actor: Actor,
    certificate_id: UUID,
    expected: int,
    revoked_on: date,
    reason: str,
) -> OfficerCertificate:
    """Revoke a certificate from a day on (that day included); what was signed before stays signed."""
    certificate = await get_certificate(session, actor, certificate_id)
    region_id = (await session.get_one(User, certificate.user_id)).region_id
    actor.require("certificates:manage", region_id)
    has_come = certificate.valid_from <= revoked_on <= min(certificate.valid_until, shanghai_today())
    if certificate.revoked_on is not None or not has_come:
        raise RevocationProblem
    await compare_and_set(session, certificate, expected, revoked_on=revoked_on, revoked_reason=reason)
    await _record(session, actor, certificate, region_id, "certificates:revoke")
    return certificate


def _visible(actor: Actor) -> ColumnElement[bool]:
    """Certificates of users in the actor's regions."""
    return User.region_id.in_(actor.regions_for("certificates:read"))


async def _record(
    session: AsyncSession, actor: Actor, certificate: OfficerCertificate, region_id: UUID, action: str
) -> None:
    await record_act(
        session, actor, action=action, kind="certificate", object_id=certificate.id,
        version=certificate.version, region_id=region_id,
        after={
            "user_id": certificate.user_id, "number": certificate.number, "valid_from": certificate.valid_from,
            "valid_until": certificate.valid_until, "revoked_on": certificate.revoked_on,
        },
    )  # fmt: skip
