"""What a phone asks and states about its files: where each stands, and that one is lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import NotFoundProblem
from app.core.events import publish
from app.models.evidence import EvidenceDeclaration, EvidenceFile, EvidenceManifest, EvidenceUpload
from app.models.identity import Device
from app.services.audit.service import record_act
from app.services.evidence.errors import AlreadyStoredProblem, WithdrawalSignatureProblem
from app.services.evidence.events import PackageEvidenceCompleted
from app.services.evidence.manifest import lock_manifest
from app.services.identity.signatures import signature_verifies

UNKNOWN, PARTIAL = "unknown", "partial"
_WORST_FIRST = ("missing", "verified", "withdrawn", "stored", UNKNOWN)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A phone's signed statement that it has lost a file; `at` and `reason` exactly as they were signed."""

    package_id: UUID
    evidence_id: UUID
    reason: str
    at: str
    signature: str


def withdrawal_message(package_id: UUID, evidence_id: UUID, sha256: str, at: str, reason: str) -> bytes:
    """What the phone signs: which file of which package, by its declared hash, since when, why."""
    return f"anshao.evidence-withdrawal/1\n{package_id}\n{evidence_id}\n{sha256}\n{at}\n{reason}".encode()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a file stands; `offset` is how far this phone's upload of it has come, where that is all there is of it."""

    status: str
    offset: int | None = None


async def check_evidence(session: AsyncSession, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, Standing]:
    """Where each of the actor's own files stands: missing, partial, stored, verified, withdrawn. Foreign and unknown ids
    answer alike.

    A file that several packages declare is missing as long as one of them misses it. Partial is only what this very phone
    can go on with.
    """
    own_phones = select(Device.id).where(Device.user_id == actor.user_id)
    declared = select(EvidenceDeclaration.id, EvidenceDeclaration.status).where(
        EvidenceDeclaration.id.in_(ids), EvidenceDeclaration.device_id.in_(own_phones)
    )
    waiting = select(EvidenceFile.id).where(
        EvidenceFile.id.in_(ids), EvidenceFile.device_id.in_(own_phones), ~EvidenceFile.is_claimed
    )
    standing = dict.fromkeys(ids, UNKNOWN)
    found = [(row.id, row.status) for row in await session.execute(declared)]
    found += [(identifier, "stored") for identifier in (await session.execute(waiting)).scalars()]
    for identifier, status in found:
        standing[identifier] = min(standing[identifier], status, key=_WORST_FIRST.index)
    offsets = await _offsets(session, actor, [one for one in ids if standing[one] in ("missing", UNKNOWN)])
    return {
        one: Standing(PARTIAL, offsets[one]) if one in offsets else Standing(status)
        for one, status in standing.items()
    }


async def _offsets(session: AsyncSession, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, int]:
    """How far the phone's own uploads of these files have come; the furthest of each."""
    upload = EvidenceUpload
    wanted = select(upload.evidence_id, func.max(upload.received)).where(
        upload.device_id == actor.device_id, upload.evidence_id.in_(ids), upload.state == "open",
        upload.expires_at > utc_now(),
    )  # fmt: skip
    return {row[0]: row[1] for row in await session.execute(wanted.group_by(upload.evidence_id))}


async def withdraw_evidence(
    session: AsyncSession, actor: Actor, statement: Withdrawal
) -> EvidenceDeclaration:
    """Take a declared file off the missing ones, listed so for ever; the last one completes the receipt. Repeating is harmless.

    Raises NotFoundProblem for what the phone did not declare, AlreadyStoredProblem for what is not missing,
    WithdrawalSignatureProblem.
    """
    await lock_manifest(session, statement.package_id)
    wanted = select(EvidenceManifest).where(
        EvidenceManifest.package_id == statement.package_id, EvidenceManifest.device_id == actor.device_id
    )
    manifest = (await session.execute(wanted.with_for_update())).scalar_one_or_none()
    declaration = await session.get(EvidenceDeclaration, (statement.package_id, statement.evidence_id))
    if manifest is None or declaration is None:
        raise NotFoundProblem
    device = await session.get_one(Device, actor.device_id)
    message = withdrawal_message(
        statement.package_id, statement.evidence_id, declaration.sha256, statement.at, statement.reason
    )
    if not signature_verifies(device.public_key, message, statement.signature):
        raise WithdrawalSignatureProblem
    if declaration.status == "withdrawn":
        return declaration
    if declaration.status == "verified":
        raise AlreadyStoredProblem
    declaration.status = "withdrawn"
    declaration.withdrawal = _as_kept(statement, device)
    manifest.missing -= 1
    await session.flush()
    await record_act(
        session, actor, action="evidence:withdraw", kind="evidence", object_id=statement.evidence_id, version=1,
        region_id=manifest.region_id, before={"status": "missing"}, after={"status": "withdrawn"},
        detail={"package_id": str(statement.package_id)},
    )  # fmt: skip
    if manifest.missing == 0:
        await publish(session, PackageEvidenceCompleted(statement.package_id))
    return declaration


def _as_kept(statement: Withdrawal, device: Device) -> dict[str, str]:
    """The statement with all that is needed to verify it again."""
    return {
        "reason": statement.reason,
        "at": statement.at,
        "signature": statement.signature,
        "key_id": device.key_id,
        "device_id": str(device.id),
        "received_at": utc_now().isoformat(),
    }
