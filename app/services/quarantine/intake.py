"""Taking in what a revoked phone still holds: made durable, noted, and left to a person. Nothing of it is accepted here.

The phone's key is all that speaks for it, so every handing in is signed. Sending the same again is harmless: what is here is
known by its hash, and the note that was given then is given again. The phone's own time is written down and proves nothing.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import Problem
from app.core.ids import new_id
from app.models.identity import Device, User
from app.models.quarantine import IntakeDelivery
from app.services.audit.service import record_act
from app.services.evidence.errors import WrongBytesProblem
from app.services.evidence.service import forget_unused_bytes, hold_bytes, keep_bytes
from app.services.identity.errors import DevicePendingProblem
from app.services.identity.signatures import signature_verifies
from app.services.inspections.errors import PackageSignatureProblem
from app.services.inspections.sealing import package_message
from app.services.quarantine.errors import IntakeQuotaProblem, IntakeRefusedProblem, OrdinaryDoorProblem
from app.services.quarantine.notes import sign_note
from app.services.runtime import Runtime
from app.storage.store import Buffer, Kept

INTAKE_DOMAIN = "anshao.intake/1"
MAX_DELIVERIES = {"package": 200, "evidence": 600}
MAX_BYTES = 2 * 1024**3
"""What one revoked phone may have here that was not released. What was rejected counts: it is kept for ever."""

_LOCK_PHONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:device, 13))")

Kind = Literal["package", "evidence"]


@dataclass(frozen=True, slots=True)
class Handover:
    """One package or file, as it is announced. `signature` is the package's own; a file has a `media_type`.

    `proof` is the key's signature over handover_message and `said_at` the phone's time, as it wrote it; both are None for what a
    bundle file carried, where `carried_by` is whoever brought it.
    """

    kind: Kind
    id: UUID
    package_id: UUID
    sha256: str
    signature: str | None = None
    media_type: str | None = None
    said_at: str | None = None
    proof: str | None = None
    carried_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """The revoked phone, and the person it was bound to."""

    device_id: UUID
    user_id: UUID
    key_id: str
    public_key: Mapping[str, Any]
    region_id: UUID


@dataclass(frozen=True, slots=True)
class Noted:
    """The custody note, byte for byte as it was first given, and whether that is now."""

    note: bytes
    is_new: bool


def handover_message(kind: str, id: UUID, package_id: UUID, sha256: str, said_at: str) -> bytes:
    """What the phone signs to hand something in; `said_at` as it is sent."""
    return f"{INTAKE_DOMAIN}\n{kind}\n{id}\n{package_id}\n{sha256}\n{said_at}".encode()


async def recognise(runtime: Runtime, key_id: str, handover: Handover) -> Sender:
    """The revoked phone that signed this; before its bytes are read.

    Raises IntakeRefusedProblem (unknown, or not signed by it), OrdinaryDoorProblem (in use), DevicePendingProblem,
    IntakeQuotaProblem.
    """
    async with runtime.database.read() as session:
        wanted = select(Device, User.region_id).join(User, User.id == Device.user_id)
        found = (await session.execute(wanted.where(Device.key_id == key_id))).one_or_none()
        message = handover_message(
            handover.kind, handover.id, handover.package_id, handover.sha256, handover.said_at or ""
        )
        if found is None or not signature_verifies(found[0].public_key, message, handover.proof or ""):
            raise IntakeRefusedProblem
        device, region_id = found
        if device.status == "pending":
            raise DevicePendingProblem
        if device.status != "revoked":
            raise OrdinaryDoorProblem
        sender = Sender(device.id, device.user_id, key_id, device.public_key, region_id)
        if await _find_note(session, sender, handover) is None:
            await _check_quota(session, sender, handover.kind, 0)
        return sender


async def hand_in_package(runtime: Runtime, sender: Sender, handover: Handover, sealed: bytes) -> Noted:
    """Keep a sealed package. Raises WrongBytesProblem, PackageSignatureProblem, IntakeQuotaProblem."""
    if not sealed or "sha-256:" + hashlib.sha256(sealed).hexdigest() != handover.sha256:
        raise WrongBytesProblem
    if not signature_verifies(sender.public_key, package_message(handover.sha256), handover.signature or ""):
        raise PackageSignatureProblem
    async with runtime.database.write() as session:
        return await _write_down(session, runtime, sender, handover, len(sealed), {"sealed": sealed})


async def hand_in_file(
    runtime: Runtime, sender: Sender, handover: Handover, pieces: AsyncIterator[Buffer]
) -> Noted:
    """Keep a file, streamed to the storage; no package claims it before a person decides. Raises WrongBytesProblem,
    IntakeQuotaProblem, OriginalGoneProblem; what is refused leaves no bytes behind."""
    kept = await keep_bytes(runtime, pieces, handover.sha256)
    try:
        async with runtime.database.write() as session:
            await hold_bytes(session, runtime, kept)
            return await _write_down(session, runtime, sender, handover, kept.size, _stored(handover, kept))
    except Problem:
        if kept.is_new:
            await forget_unused_bytes(runtime, kept.sha256)
        raise


def _stored(handover: Handover, kept: Kept) -> dict[str, Any]:
    return {"media_type": handover.media_type, "storage_key": kept.key}


async def _write_down(
    session: AsyncSession,
    runtime: Runtime,
    sender: Sender,
    handover: Handover,
    size: int,
    bytes_: dict[str, Any],
) -> Noted:
    """One phone's deliveries go in single file, so that its quota holds."""
    await session.execute(_LOCK_PHONE, {"device": str(sender.device_id)})
    known = await _find_note(session, sender, handover)
    if known is not None:
        return Noted(known, is_new=False)
    await _check_quota(session, sender, handover.kind, size)
    at, identifier = utc_now(), new_id()
    note = sign_note(
        runtime.keys, kind=handover.kind, id=handover.id, package_id=handover.package_id, sha256=handover.sha256,
        size=size, device_id=sender.device_id, at=at,
    )  # fmt: skip
    row = bytes_ | {
        "id": identifier, "kind": handover.kind, "object_id": handover.id, "package_id": handover.package_id,
        "sha256": handover.sha256, "size": size, "device_id": sender.device_id, "user_id": sender.user_id,
        "key_id": sender.key_id, "signature": handover.signature, "said_at": handover.said_at,
        "proof": handover.proof, "carried_by": handover.carried_by, "note": note, "received_at": at,
        "status": "waiting",
    }  # fmt: skip
    await session.execute(insert(IntakeDelivery).values(row))
    author = Actor(kind="user", user_id=sender.user_id, device_id=sender.device_id)
    await record_act(
        session, author, action="quarantine:hand_in", kind="intake_delivery", object_id=identifier, version=1,
        region_id=sender.region_id, after={"sha256": handover.sha256, "status": "waiting"},
        detail={"kind": handover.kind, "hash": handover.sha256},
    )  # fmt: skip
    return Noted(note, is_new=True)


async def _find_note(session: AsyncSession, sender: Sender, handover: Handover) -> bytes | None:
    wanted = select(IntakeDelivery.note).where(
        IntakeDelivery.device_id == sender.device_id,
        IntakeDelivery.kind == handover.kind,
        IntakeDelivery.object_id == handover.id,
        IntakeDelivery.sha256 == handover.sha256,
    )
    return await session.scalar(wanted)


async def _check_quota(session: AsyncSession, sender: Sender, kind: str, size: int) -> None:
    """One more of that kind, of so many bytes, must fit."""
    row = IntakeDelivery
    counted = select(func.count().filter(row.kind == kind), func.coalesce(func.sum(row.size), 0)).where(
        row.device_id == sender.device_id, row.status != "released"
    )
    number, total = (await session.execute(counted)).one()
    if number >= MAX_DELIVERIES[kind] or total + size > MAX_BYTES:
        raise IntakeQuotaProblem(seconds=3600)
