"""Unit one of a package's way: the raw bytes are committed before anything is made of them."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.models.enterprises import Site
from app.models.identity import Device
from app.models.inspections import AssignmentMember, PackageConflict, PackageIntake
from app.schemas.mobile.packages import Envelope
from app.services.identity.signatures import signature_verifies
from app.services.inspections.sealing import (
    UnreadableEnvelope,
    package_hash,
    package_message,
    read_envelope,
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A sealed package as it came through the door."""

    package_id: UUID
    sealed: bytes
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What unit one did: `is_new`, `is_conflict` (other bytes are kept under this id), and the intake's status and reason."""

    is_new: bool
    is_conflict: bool
    status: str
    reason: str | None


async def keep_package(session: AsyncSession, actor: Actor, delivery: Delivery) -> Kept:
    """Keep the bytes, whatever they are; raises NotFoundProblem for a site the actor does not see (nothing is kept then)."""
    digest = package_hash(delivery.sealed)
    reason = await _why_quarantined(session, actor, delivery, digest)
    values = {
        "package_id": delivery.package_id,
        "sha256": digest,
        "sealed": delivery.sealed,
        "signature": delivery.signature,
        "key_id": delivery.key_id,
        "device_id": actor.device_id,
        "user_id": actor.user_id,
        "status": "quarantined" if reason else "received",
        "reason": reason,
        "attempts": 0,
    }
    new = insert(PackageIntake).values(values).on_conflict_do_nothing().returning(PackageIntake.package_id)
    if (await session.execute(new)).scalar_one_or_none() is not None:
        return Kept(True, False, values["status"], reason)  # type: ignore[arg-type]
    known = await session.get_one(PackageIntake, delivery.package_id)
    if known.device_id != actor.device_id:
        raise NotFoundProblem
    if known.sha256 == digest:
        return Kept(False, False, known.status, known.reason)
    other = {key: value for key, value in values.items() if key not in ("status", "reason", "attempts")}
    await session.execute(insert(PackageConflict).values(other).on_conflict_do_nothing())
    return Kept(False, True, known.status, known.reason)


async def _why_quarantined(
    session: AsyncSession, actor: Actor, delivery: Delivery, digest: str
) -> str | None:
    """A stable word for what keeps the package from being processed; None when nothing does."""
    device = await session.get_one(Device, actor.device_id)
    if delivery.key_id != device.key_id or not signature_verifies(
        device.public_key, package_message(digest), delivery.signature
    ):
        return "wrong_signature"
    try:
        envelope = read_envelope(delivery.sealed)
    except UnreadableEnvelope as error:
        return error.reason
    if envelope.id != delivery.package_id:
        return "other_id"
    if (envelope.device_id, envelope.user_id) != (actor.device_id, actor.user_id):
        return "other_author"
    if not await _sees_site(session, actor, envelope):
        raise NotFoundProblem
    return None


async def _sees_site(session: AsyncSession, actor: Actor, envelope: Envelope) -> bool:
    """A site of the actor's regions, or of an assignment he is a member of (squads cross regions)."""
    site = await session.get(Site, envelope.site_id)
    if site is None:
        return False
    if site.region_id in actor.regions_for("inspections:submit"):
        return True
    member = exists().where(
        AssignmentMember.assignment_id == envelope.assignment_id, AssignmentMember.user_id == actor.user_id
    )
    return bool((await session.execute(select(member))).scalar_one())
