"""Making receipts: in the transaction that verifies the last declared file, once, and given out unchanged ever after."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import utc_now
from app.models.checklists import TemplateVersion
from app.models.evidence import EvidenceDeclaration
from app.models.inspections import Package, Receipt
from app.services.audit.checkpoints import latest_checkpoint
from app.services.evidence.manifest import list_declared, lock_manifest
from app.services.inspections.receipt_format import RECEIPT_SCHEMA, sign_receipt
from app.services.runtime import Runtime


async def issue_receipt_if_complete(session: AsyncSession, runtime: Runtime, package_id: UUID) -> bool:
    """Store the receipt when the package is processed and no declared file is missing; True when there is one now."""
    package = await session.get(Package, package_id)
    if package is None:
        return False
    await lock_manifest(session, package_id)
    declared = await list_declared(session, package_id)
    if any(row.status == "missing" for row in declared):
        return False
    template = await session.get_one(TemplateVersion, package.template_version_id)
    checkpoint = await latest_checkpoint(session, runtime)
    content = {
        **_content(package, template, declared),
        "previous_receipt": await _previous(session, package.device_id),
        "audit_checkpoint": checkpoint.members if checkpoint else None,
    }
    body = sign_receipt(runtime.keys, content)
    values = {
        "package_id": package_id,
        "device_id": package.device_id,
        "body": body,
        "sha256": "sha-256:" + hashlib.sha256(body).hexdigest(),
    }
    await session.execute(
        insert(Receipt).values(values).on_conflict_do_nothing(index_elements=["package_id"])
    )
    return True


def _content(
    package: Package, template: TemplateVersion, declared: Sequence[EvidenceDeclaration]
) -> dict[str, Any]:
    return {
        "schema": RECEIPT_SCHEMA,
        "package": {"id": str(package.id), "hash": package.sha256, "visit_id": str(package.visit_id)},
        "device_id": str(package.device_id),
        "template": {"id": str(template.id), "number": template.number, "hash": template.content_hash},
        "received_at": _stamp(package.received_at),
        "completed_at": _stamp(utc_now()),
        "evidence": [
            {"id": str(row.id), "hash": row.sha256, "size": row.size, "status": row.status}
            for row in declared
        ],
    }


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _previous(session: AsyncSession, device_id: UUID) -> str | None:
    """The hash of the device's latest receipt: a phone can see that none was left out."""
    latest = select(Receipt.sha256).where(Receipt.device_id == device_id).order_by(Receipt.created_at.desc())
    return (await session.execute(latest.limit(1))).scalar_one_or_none()
