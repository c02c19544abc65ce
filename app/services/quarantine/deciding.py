"""Deciding about what waits: released as if it had come through the ordinary door, or rejected with a reason and kept for ever.

Releasing is two units like the door's own: the decision is committed with the package waiting to be processed, then it is
processed; what is interrupted between is finished by the sweep. What a revoked phone handed in carries a mark for good
(origin "intake", a flag on the record): nothing proves that it was sealed before the revocation.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.actor import Actor
from app.core.clock import shanghai_today, utc_now
from app.core.errors import ConflictProblem, Problem
from app.models.enterprises import Site
from app.models.evidence import EvidenceFile, EvidenceManifest
from app.models.identity import Device, RoleGrant
from app.models.inspections import Assignment, AssignmentMember, PackageIntake
from app.models.organizations import Region
from app.models.quarantine import IntakeDelivery
from app.schemas.mobile.packages import Envelope
from app.services.audit.service import record_act
from app.services.evidence.arrivals import Arrival, register_original
from app.services.identity.policy import PERMISSIONS
from app.services.identity.signatures import signature_verifies
from app.services.inspections.errors import OtherBytesProblem
from app.services.inspections.policy import submit_action
from app.services.inspections.sealing import TooMany, UnreadableEnvelope, package_message, read_envelope
from app.services.inspections.service import finish_kept
from app.services.quarantine.errors import DecidedProblem, NotReleasableProblem, OwnRecordProblem
from app.services.quarantine.queue import get_item
from app.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided about which version of an item, and why."""

    item_id: UUID
    expected: int
    reason: str


async def release_item(runtime: Runtime, actor: Actor, decision: Decision) -> None:
    """Let an item through. Raises NotFoundProblem, OwnRecordProblem, DecidedProblem, ConflictProblem (another version by now),
    OtherBytesProblem (its id is taken), NotReleasableProblem: then it waits on, with the reason it has now; a delivery of a package
    that waits as an item of its own waits on beside that."""
    async with runtime.database.write() as session:
        item = await _open_item(session, actor, decision)
        if item.kind == "evidence":
            await _release_file(session, await session.get_one(IntakeDelivery, item.id))
        elif item.source == "delivery":
            await _release_delivery(session, actor, item, decision)
        else:
            await _release_package(session, actor, item, decision)
        await _record(session, actor, item, decision, "released")
    if item.kind == "package":
        await _process(runtime, actor, item, decision)


async def reject_item(session: AsyncSession, actor: Actor, decision: Decision) -> None:
    """Refuse an item for good, a handed-in package's waiting files with it. Raises as release_item does."""
    item = await _open_item(session, actor, decision)
    if item.source == "package":
        await _set_package(session, item, _decided(actor, decision) | {"status": "rejected"})
    await _record(session, actor, item, decision, "rejected")
    if item.source == "delivery" and item.kind == "package":
        for file in await _waiting_files(session, item.package_id, item.device_id):
            along = Decision(file.id, file.version, decision.reason)
            await _record(session, actor, await get_item(session, actor, file.id), along, "rejected")


async def _open_item(session: AsyncSession, actor: Actor, decision: Decision) -> Row[Any]:
    item = await get_item(session, actor, decision.item_id)
    actor.require("quarantine:decide", item.region_id)
    if item.user_id == actor.user_id:
        raise OwnRecordProblem
    for sealed in await _sealed(session, item):
        envelope = _readable(sealed)
        if envelope is not None and actor.user_id in envelope.officers:
            raise OwnRecordProblem
    if item.status != "waiting":
        raise DecidedProblem
    return item


async def _sealed(session: AsyncSession, item: Row[Any]) -> list[bytes]:
    """Every package that says whose record the item is: what is here under its package's id, and what its phone handed in."""
    row = IntakeDelivery
    here = select(PackageIntake.sealed).where(PackageIntake.package_id == item.package_id)
    handed_in = select(row.sealed).where(
        row.package_id == item.package_id, row.device_id == item.device_id, row.kind == "package"
    )
    return [
        bytes(sealed or b"")
        for query in (here, handed_in)
        for sealed in (await session.execute(query)).scalars()
    ]


def _readable(sealed: bytes) -> Envelope | None:
    try:
        return read_envelope(sealed)
    except (UnreadableEnvelope, TooMany):
        return None


async def _release_package(session: AsyncSession, actor: Actor, item: Row[Any], decision: Decision) -> None:
    """A package set aside goes on where it stopped."""
    kept = await session.get_one(PackageIntake, item.package_id)
    await _check_releasable(session, kept, kept.package_id)
    again = {"status": "received", "reason": None, "attempts": 0}
    await _set_package(session, item, _decided(actor, decision) | again)


async def _release_delivery(session: AsyncSession, actor: Actor, item: Row[Any], decision: Decision) -> None:
    """A package of the intake becomes one that waits to be processed, marked for good, since the moment it really came."""
    handed_in = await session.get_one(IntakeDelivery, item.id)
    await _check_releasable(session, handed_in, handed_in.object_id)
    values = {
        "package_id": handed_in.object_id, "sha256": handed_in.sha256, "sealed": handed_in.sealed,
        "signature": handed_in.signature, "key_id": handed_in.key_id, "device_id": handed_in.device_id,
        "user_id": handed_in.user_id, "received_at": handed_in.received_at, "status": "received", "attempts": 0,
        "origin": "intake", **_decided(actor, decision),
    }  # fmt: skip
    new = insert(PackageIntake).values(values).on_conflict_do_nothing().returning(PackageIntake.package_id)
    if (await session.execute(new)).first() is not None:
        return
    kept = await session.get_one(PackageIntake, handed_in.object_id)
    if (kept.sha256, kept.device_id) != (handed_in.sha256, handed_in.device_id):
        raise OtherBytesProblem(id=str(handed_in.object_id))
    if kept.status == "rejected":
        raise DecidedProblem
    if kept.status == "quarantined":  # an item of its own, to be released first
        raise NotReleasableProblem(reason=kept.reason or "")


async def _release_file(session: AsyncSession, file: IntakeDelivery) -> None:
    """A file of a package that is here is claimed by it; the last one makes the receipt."""
    manifest = await session.get(EvidenceManifest, file.package_id)
    if manifest is None or manifest.device_id != file.device_id:
        raise NotReleasableProblem(reason="package_not_here")
    author = Actor(kind="user", user_id=file.user_id, device_id=file.device_id)
    arrival = Arrival(file.object_id, file.package_id, file.sha256, file.size, file.media_type or "")
    try:
        stored = await register_original(session, author, arrival)
    except Problem as refusal:
        raise NotReleasableProblem(reason=refusal.code) from refusal
    if stored.is_new:
        came = update(EvidenceFile).where(EvidenceFile.id == file.object_id)
        await session.execute(came.values(received_at=file.received_at))


async def _process(runtime: Runtime, actor: Actor, item: Row[Any], decision: Decision) -> None:
    """Make the record, then let the files handed in for it follow; those it does not declare go on waiting."""
    await finish_kept(runtime, item.package_id)
    async with runtime.database.write() as session:
        kept = await session.get_one(PackageIntake, item.package_id)
        if kept.status == "quarantined":
            raise NotReleasableProblem(reason=kept.reason or "")
        if kept.status != "processed":
            return  # the sweep goes on with it; its files can be released by themselves
        for file in await _waiting_files(session, item.package_id, item.device_id):
            try:
                await _release_file(session, file)
            except NotReleasableProblem:
                continue
            along = Decision(file.id, file.version, decision.reason)
            await _record(session, actor, await get_item(session, actor, file.id), along, "released")


async def _waiting_files(session: AsyncSession, package_id: UUID, device_id: UUID) -> list[IntakeDelivery]:
    row = IntakeDelivery
    waiting = (row.kind == "evidence", row.status == "waiting")
    wanted = select(row).where(row.package_id == package_id, row.device_id == device_id, *waiting)
    return list((await session.execute(wanted.order_by(row.received_at, row.id))).scalars())


async def _check_releasable(
    session: AsyncSession, kept: PackageIntake | IntakeDelivery, package_id: UUID
) -> None:
    """Raise NotReleasableProblem for what no decision can mend: whose signature it is, what it says, what its author might do."""
    device = await session.get_one(Device, kept.device_id)
    message = package_message(kept.sha256)
    if kept.key_id != device.key_id or not signature_verifies(
        device.public_key, message, kept.signature or ""
    ):
        raise NotReleasableProblem(reason="wrong_signature")
    try:
        envelope = read_envelope(kept.sealed or b"")
    except UnreadableEnvelope as error:
        raise NotReleasableProblem(reason=error.reason) from error
    except TooMany as error:
        raise NotReleasableProblem(reason=f"too_many: {error.member}") from error
    if envelope.id != package_id:
        raise NotReleasableProblem(reason="other_id")
    if (envelope.device_id, envelope.user_id) != (kept.device_id, kept.user_id):
        raise NotReleasableProblem(reason="other_author")
    if not await _was_entitled(session, envelope):
        raise NotReleasableProblem(reason="author_not_entitled")


async def _was_entitled(session: AsyncSession, envelope: Envelope) -> bool:
    """The door's rule, on the record's legal date or today: a role for this kind where the site is, or anywhere for a member of
    the site's assignment."""
    top, place = aliased(Region), aliased(Region)
    days = (envelope.legal_date, shanghai_today())
    granted = (
        select(RoleGrant.id)
        .join(top, top.id == RoleGrant.region_id)
        .where(
            RoleGrant.user_id == envelope.user_id,
            RoleGrant.role.in_(PERMISSIONS[submit_action(envelope.kind)]),
            or_(
                *(
                    and_(RoleGrant.starts_on <= day, or_(RoleGrant.ends_on.is_(None), RoleGrant.ends_on >= day))
                    for day in days
                )
            ),
        )
    )  # fmt: skip
    here = granted.join(Site, Site.id == envelope.site_id).join(place, place.id == Site.region_id)
    member = (
        select(AssignmentMember.user_id)
        .join(Assignment, Assignment.id == AssignmentMember.assignment_id)
        .where(
            Assignment.id == envelope.assignment_id,
            Assignment.site_id == envelope.site_id,
            AssignmentMember.user_id == envelope.user_id,
        )
    )
    entitled = or_(
        here.where(place.path.startswith(top.path)).exists(), and_(granted.exists(), member.exists())
    )
    unknown_site = ~exists().where(Site.id == envelope.site_id)  # the processing says so by name
    return bool(await session.scalar(select(or_(entitled, and_(unknown_site, granted.exists())))))


def _decided(actor: Actor, decision: Decision) -> dict[str, Any]:
    return {
        "decided_at": utc_now(),
        "decided_by": actor.user_id,
        "decision_reason": decision.reason,
    }


async def _set_package(session: AsyncSession, item: Row[Any], values: dict[str, Any]) -> None:
    """Compare and set: still set aside, and still the version that was read."""
    row = PackageIntake
    changed = (
        update(row)
        .where(row.package_id == item.package_id, row.version == item.version, row.status == "quarantined")
        .values(**values, version=item.version + 1)
        .returning(row.package_id)
    )
    if (await session.execute(changed)).first() is None:
        raise ConflictProblem


async def _record(
    session: AsyncSession, actor: Actor, item: Row[Any], decision: Decision, outcome: str
) -> None:
    """Write the decision down: on the delivery (a package's is on its row already), in the audit log and the change log."""
    if item.version != decision.expected:
        raise ConflictProblem
    if item.source == "delivery":
        row = IntakeDelivery
        changed = (
            update(row)
            .where(row.id == item.id, row.version == item.version, row.status == "waiting")
            .values(**_decided(actor, decision), status=outcome, version=item.version + 1)
            .returning(row.id)
        )
        if (await session.execute(changed)).first() is None:
            raise ConflictProblem
    kind = "intake_delivery" if item.source == "delivery" else "package_intake"
    action = "quarantine:release" if outcome == "released" else "quarantine:reject"
    await record_act(
        session, actor, action=action, kind=kind, object_id=item.id, version=item.version + 1,
        region_id=item.region_id, before={"status": "waiting"}, after={"status": outcome},
        detail={"hash": item.sha256, "kind": item.kind, "reason": item.reason},
    )  # fmt: skip
