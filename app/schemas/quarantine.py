"""What is set aside, on the wire."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from app.schemas.common import View


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
