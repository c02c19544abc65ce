"""Unit one of a package's way: the raw bytes are committed before anything is made of them."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import NotFoundProblem
from app.models.enterprises import Site
from app.models.identity import Device
from app.models.inspections import Assignment, AssignmentMember, PackageConflict, PackageIntake
from app.schemas.mobile.packages import Envelope
from app.services.identity.signatures import signature_verifies
from app.services.inspections.errors import SetAsideQuotaProblem, TooManyRowsProblem
from app.services.inspections.policy import submit_action
from app.services.inspections.sealing import (
    TooMany,
    UnreadableEnvelope,
    package_hash,
    package_message,
    read_envelope,
)

MAX_SET_ASIDE = 200
"""Packages of one phone that may be set aside within the window: quarantined ones, and as many conflicts."""

SET_ASIDE_WINDOW = timedelta(days=30)


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
    """Keep the bytes, whatever they are.

    Nothing is kept when it raises: ForbiddenProblem (a kind the actor may not submit), NotFoundProblem (a site he does not
    see), TooManyRowsProblem, SetAsideQuotaProblem.
    """
    digest = package_hash(delivery.sealed)
    reason = await _why_quarantined(session, actor, delivery, digest)
    if reason:
        await _check_quota(session, actor, delivery, digest, is_conflict=False)
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
    await _check_quota(session, actor, delivery, digest, is_conflict=True)
    other = {key: value for key, value in values.items() if key not in ("status", "reason", "attempts")}
    await session.execute(insert(PackageConflict).values(other).on_conflict_do_nothing())
    return Kept(False, True, known.status, known.reason)


async def _why_quarantined(
    session: AsyncSession, actor: Actor, delivery: Delivery, digest: str
) -> str | None:
    """A stable word for what keeps the package from being processed; None when nothing does."""
    try:
        envelope, unreadable = read_envelope(delivery.sealed), None
    except UnreadableEnvelope as error:
        envelope, unreadable = None, error.reason
    except TooMany as error:
        raise TooManyRowsProblem(member=error.member, limit=error.limit) from error
    if envelope is not None:
        actor.require(submit_action(envelope.kind))
    device = await session.get_one(Device, actor.device_id)
    if delivery.key_id != device.key_id or not signature_verifies(
        device.public_key, package_message(digest), delivery.signature
    ):
        return "wrong_signature"
    if envelope is None:
        return unreadable
    if envelope.id != delivery.package_id:
        return "other_id"
    if (envelope.device_id, envelope.user_id) != (actor.device_id, actor.user_id):
        return "other_author"
    if not await _sees_site(session, actor, envelope):
        raise NotFoundProblem
    return None


async def _sees_site(session: AsyncSession, actor: Actor, envelope: Envelope) -> bool:
    """A site of the actor's regions, or that of an assignment he is a member of (squads cross regions)."""
    site = await session.get(Site, envelope.site_id)
    if site is None:
        return False
    if site.region_id in actor.regions_for(submit_action(envelope.kind)):
        return True
    if not envelope.kind.is_enforcement:
        return False
    member = exists().where(
        AssignmentMember.assignment_id == envelope.assignment_id,
        AssignmentMember.user_id == actor.user_id,
        Assignment.id == AssignmentMember.assignment_id,
        Assignment.site_id == site.id,
    )
    return bool((await session.execute(select(member))).scalar_one())


async def _check_quota(
    session: AsyncSession, actor: Actor, delivery: Delivery, digest: str, *, is_conflict: bool
) -> None:
    """Refuse what would pile up without bounds; what is here already may come again."""
    since = utc_now() - SET_ASIDE_WINDOW
    if is_conflict:
        conflict = PackageConflict
        counted = (conflict.device_id == actor.device_id, conflict.created_at > since)
        same: ColumnElement[bool] = and_(
            conflict.package_id == delivery.package_id, conflict.sha256 == digest
        )
        waiting = select(func.count(), func.bool_or(same)).where(*counted)
    else:
        intake = PackageIntake
        quarantined = (intake.device_id == actor.device_id, intake.status == "quarantined")
        same = intake.package_id == delivery.package_id
        waiting = select(func.count(), func.bool_or(same)).where(*quarantined, intake.received_at > since)
    number, is_here = (await session.execute(waiting)).one()
    if number >= MAX_SET_ASIDE and not is_here:
        raise SetAsideQuotaProblem(seconds=3600)
