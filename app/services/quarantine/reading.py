"""Looking at what waits: the item with what can be read of it, and its bytes, each look at which is written down first."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.paging import PageRequest
from app.models.identity import Device
from app.models.inspections import PackageIntake
from app.models.quarantine import IntakeDelivery
from app.schemas.evidence import StoredObject
from app.schemas.quarantine import QueueContent, QueueDetail, QueueFile, QueueItem
from app.services.audit.service import record_access
from app.services.identity.signatures import signature_verifies
from app.services.inspections.sealing import TooMany, UnreadableEnvelope, package_message, read_envelope
from app.services.quarantine.queue import QueueFilter, get_item, list_items

MAX_FILES_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Original:
    """The bytes of an item: a package's as they are, a file's where they lie."""

    name: str
    sealed: bytes | None
    stored: StoredObject | None


async def show_item(session: AsyncSession, actor: Actor, item_id: UUID) -> QueueDetail:
    """One item, what can be read of it, and the files that were handed in for the same package. Raises NotFoundProblem."""
    item = await get_item(session, actor, item_id)
    device = await session.get_one(Device, item.device_id)
    kept = await _row_of(session, item)
    detail: dict[str, Any] = {"content": None, "is_readable": None, "signature_verifies": None, "files": []}
    if item.kind == "package":
        content = _content(kept.sealed or b"")
        detail["content"], detail["is_readable"] = content, content is not None
        detail["signature_verifies"] = kept.key_id == device.key_id and signature_verifies(
            device.public_key, package_message(kept.sha256), kept.signature or ""
        )
        same = QueueFilter(standing=None, package_id=item.package_id, device_id=item.device_id)
        page = await list_items(session, actor, PageRequest(MAX_FILES_SHOWN), same)
        detail["files"] = [QueueFile.model_validate(row) for row in page.items if row.kind == "evidence"]
    return QueueDetail(
        **QueueItem.model_validate(item).model_dump(),
        device_status=device.status,
        device_revoked_at=device.revoked_at,
        note=None if isinstance(kept, PackageIntake) else kept.note.decode(),
        said_at=None if isinstance(kept, PackageIntake) else kept.said_at,
        **detail,
    )


async def _row_of(session: AsyncSession, item: Row[Any]) -> IntakeDelivery | PackageIntake:
    if item.source == "delivery":
        return await session.get_one(IntakeDelivery, item.id)
    return await session.get_one(PackageIntake, item.package_id)


def _content(sealed: bytes) -> QueueContent | None:
    try:
        envelope = read_envelope(sealed)
    except (UnreadableEnvelope, TooMany):
        return None
    return QueueContent(
        kind=envelope.kind.value,
        visit_id=envelope.visit_id,
        enterprise_id=envelope.enterprise_id,
        site_id=envelope.site_id,
        officer_ids=envelope.officers,
        legal_date=envelope.legal_date,
        template=envelope.template.model_dump(mode="json") if envelope.template else None,
        declared_files=len(envelope.evidence),
    )


async def read_original(session: AsyncSession, actor: Actor, item_id: UUID) -> Original:
    """The bytes of an item. The look is written down here: commit before they leave. Raises NotFoundProblem, ForbiddenProblem."""
    item = await get_item(session, actor, item_id)
    actor.require("quarantine:read_original", item.region_id)
    await record_access(
        session, actor, action="quarantine:read_original",
        kind="intake_delivery" if item.source == "delivery" else "package_intake", object_id=item.id,
        region_id=item.region_id, detail={"hash": item.sha256, "how": "download"},
    )  # fmt: skip
    kept = await _row_of(session, item)
    if isinstance(kept, IntakeDelivery) and kept.storage_key is not None:
        name = f"{kept.object_id}.bin"
        stored = StoredObject(kept.storage_key, kept.sha256, kept.size, "application/octet-stream", name)
        return Original(name, None, stored)
    return Original(f"{item.object_id}.json", bytes(kept.sealed or b""), None)
