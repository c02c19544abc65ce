"""What is set aside, on the wire."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.schemas.common import View, Wire


class CustodyNote(View):
    """What the server says it holds: durable, and not accepted. `received_at` is the server's time; nothing speaks of sealing."""

    schema_: Literal["anshao.custody-note/1"] = Field(alias="schema")
    kind: Literal["package", "evidence"]
    id: UUID
    package_id: UUID
    hash: str
    size: int
    device_id: UUID
    received_at: datetime
    standing: Literal["durable, not accepted"]


class CustodyNoteView(View):
    """A note with its signature: Ed25519 over the canonical JSON (RFC 8785) of `note`, by a published key of receipts."""

    note: CustodyNote
    alg: Literal["Ed25519"]
    key_id: str
    signature: str


class QueueItem(View):
    """Something that waits for a person, or did. `origin`: the intake of revoked phones, or the ordinary door.

    `reason` is the stable word for why it waits. `region_id` and `authority_id` are its sender's.
    """

    id: UUID
    version: int
    origin: Literal["intake", "door"]
    kind: Literal["package", "evidence"]
    object_id: UUID
    package_id: UUID
    status: Literal["waiting", "released", "rejected"]
    reason: str
    device_id: UUID
    user_id: UUID
    authority_id: UUID
    region_id: UUID
    sha256: str
    size: int
    received_at: datetime
    decided_at: datetime | None
    decided_by: UUID | None
    decision_reason: str | None


class QueueContent(View):
    """What a package says, as far as a person needs it to decide; the times it gives are the phone's own word."""

    kind: str
    visit_id: UUID
    enterprise_id: UUID
    site_id: UUID
    officer_ids: list[UUID]
    legal_date: date
    template: dict[str, Any] | None
    declared_files: int


class QueueFile(View):
    """A file handed in for the same package: an item of its own."""

    id: UUID
    object_id: UUID
    status: Literal["waiting", "released", "rejected"]
    sha256: str
    size: int


class QueueDetail(QueueItem):
    """One item. `content`, `is_readable`, `signature_verifies` are a package's; `note` and `said_at` a revoked phone's."""

    device_status: str
    device_revoked_at: datetime | None
    content: QueueContent | None
    is_readable: bool | None
    signature_verifies: bool | None
    files: list[QueueFile]
    note: str | None
    said_at: str | None


class DecisionRequest(Wire):
    """Why it is released or rejected; a rejected one's sender is told."""

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]


class DeliveryStanding(View):
    """What became of something one's own revoked phone handed in."""

    kind: Literal["package", "evidence"]
    object_id: UUID
    package_id: UUID
    sha256: str
    size: int
    received_at: datetime
    status: Literal["waiting", "released", "rejected"]
    decided_at: datetime | None
    decision_reason: str | None
