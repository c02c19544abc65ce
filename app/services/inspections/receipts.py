"""Making receipts: in the transaction that verifies the last declared file, once, and given out unchanged ever after.

Each phone's receipts form a chain: a receipt carries its number and the hash of the one before, so a phone can see that none
was left out. The chain's head is one row per phone; whoever holds it makes the next receipt.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.core.clock import utc_now
from app.db.rows import Computed, Part, insert_rows
from app.models.history import Change
from app.models.inspections import Receipt
from app.services.audit.checkpoints import latest_checkpoint
from app.services.evidence.manifest import DECLARED, DeclaredFile
from app.services.inspections.receipt_format import RECEIPT_SCHEMA, sign_receipt
from app.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The newest receipt of a phone: its number and hash; 0 and None before the first."""

    number: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class ReceiptSubject:
    """What a receipt is about."""

    package_id: UUID
    sha256: str
    visit_id: UUID
    device_id: UUID
    received_at: datetime
    template: dict[str, Any] | None


# What a receipt is made of, if it is time for one. The head of the phone's chain is locked, and read as the last holder left
# it, also when it had to be waited for.
_COMPLETED = text(
    f"""
    WITH subject AS (
        SELECT p.* FROM packages p
         WHERE p.id = :package_id AND NOT EXISTS (SELECT FROM receipts r WHERE r.package_id = p.id)
           AND NOT EXISTS (SELECT FROM evidence_declarations d WHERE d.package_id = p.id AND d.status = 'missing')),
    head AS (
        INSERT INTO receipt_chains (device_id, number) SELECT device_id, 0 FROM subject
            ON CONFLICT (device_id) DO UPDATE SET number = receipt_chains.number RETURNING number, sha256)
    SELECT s.sha256, s.visit_id, s.device_id, s.received_at, s.region_id, s.version,
           t.id AS template_id, t.number AS template_number,
           t.content_hash, head.number AS head_number, head.sha256 AS head_sha256, ({DECLARED}) AS declared
      FROM subject s CROSS JOIN head LEFT JOIN template_versions t ON t.id = s.template_version_id
    """
)
_BODY = select(Receipt.body).where(Receipt.package_id == bindparam("package_id", type_=Uuid))
_EXTEND_CHAIN = (
    "INSERT INTO receipt_chains (device_id, number, sha256) VALUES (:chain_device_id, :chain_number, :chain_sha256) "
    "ON CONFLICT (device_id) DO UPDATE SET number = excluded.number, sha256 = excluded.sha256 "
    "WHERE receipt_chains.number = excluded.number - :chain_count RETURNING number"
)
CHAINED = "(SELECT count(*) FROM chained)"
"""Asked of insert_rows: 1 when the receipts were added, 0 when another one came first and these were not written."""


async def issue_receipt_if_complete(session: AsyncSession, runtime: Runtime, package_id: UUID) -> bool:
    """Store the receipt when the package is processed and no declared file is missing; True when there is one now.

    Call it while the package's manifest is locked (its row, or lock_manifest), so that the last of several files that come at
    once sees all the others.
    """
    found = (await session.execute(_COMPLETED, {"package_id": package_id})).one_or_none()
    if found is None:
        return await find_receipt(session, package_id) is not None
    template = (
        template_of_receipt(found.template_id, found.template_number, found.content_hash)
        if found.template_id
        else None
    )
    subject = ReceiptSubject(
        package_id, found.sha256, found.visit_id, found.device_id, found.received_at, template
    )
    head = ChainHead(found.head_number, found.head_sha256)
    declared = [DeclaredFile(UUID(one["id"]), *one["file"]) for one in found.declared]
    rows = await receipt_rows(session, runtime, [(subject, declared)], head)
    change = {
        "kind": "package",
        "object_id": package_id,
        "version": found.version,
        "region_id": found.region_id,
    }
    await insert_rows(session, *rows, (Change, [change]))
    return True


async def find_receipt(connection: AsyncConnection | AsyncSession, package_id: UUID) -> bytes | None:
    """The stored bytes of a package's receipt, if it has one. Whose package it is, the caller has asked."""
    body = (await connection.execute(_BODY, {"package_id": package_id})).scalar_one_or_none()
    return None if body is None else bytes(body)


async def receipt_rows(
    session: AsyncSession,
    runtime: Runtime,
    subjects: Sequence[tuple[ReceiptSubject, Sequence[DeclaredFile]]],
    head: ChainHead,
) -> tuple[Part | Computed, ...]:
    """What insert_rows writes to add one phone's receipts that follow `head`, in the order of their subjects.

    Nothing is written if the head has moved (CHAINED).
    """
    if not subjects:
        return ()
    checkpoint = await latest_checkpoint(session, runtime)
    since = _moment_of_keys(runtime, utc_now())
    receipts = []
    for subject, declared in subjects:
        completed_at = max(since, subject.received_at)
        content = {
            **_content(subject, declared, completed_at),
            "number": head.number + 1,
            "previous_receipt": head.sha256,
            "audit_checkpoint": checkpoint.members if checkpoint else None,
        }
        body = sign_receipt(runtime.keys, content, completed_at)
        head = ChainHead(head.number + 1, "sha-256:" + hashlib.sha256(body).hexdigest())
        receipts.append(
            {
                "package_id": subject.package_id,
                "device_id": subject.device_id,
                "number": head.number,
                "body": body,
                "sha256": head.sha256,
            }
        )
    chained = {
        "chain_device_id": subjects[0][0].device_id,
        "chain_number": head.number,
        "chain_sha256": head.sha256,
        "chain_count": len(receipts),
    }
    return Part("chained", _EXTEND_CHAIN, chained), Computed(Receipt, receipts, (), joined="chained")


def _moment_of_keys(runtime: Runtime, now: datetime) -> datetime:
    """The present; but after a clock that was set back, no moment before there were the keys whose signatures a receipt holds.

    Nor is anything complete before it was received: a receipt that says so proves nothing.
    """
    return max(now, *(runtime.keys.signing(purpose, now).valid_from for purpose in ("receipts", "audit")))


def _content(
    subject: ReceiptSubject, declared: Sequence[DeclaredFile], completed_at: datetime
) -> dict[str, Any]:
    return {
        "schema": RECEIPT_SCHEMA,
        "package": {
            "id": str(subject.package_id),
            "hash": subject.sha256,
            "visit_id": str(subject.visit_id),
        },
        "device_id": str(subject.device_id),
        "template": subject.template,
        "received_at": _stamp(subject.received_at),
        "completed_at": _stamp(completed_at),
        "evidence": [
            {"id": str(row.id), "hash": row.sha256, "size": row.size, "status": row.status}
            for row in declared
        ],
    }


def template_of_receipt(version_id: UUID, number: int, content_hash: str) -> dict[str, Any]:
    """How a receipt names the checklist that was filled in."""
    return {"id": str(version_id), "number": number, "hash": content_hash}


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
