"""The audit log on the wire."""

from datetime import datetime
from typing import Any
from uuid import UUID

from app.schemas.common import View


class AuditEntryView(View):
    """One act or one look at protected data; `seal_number` null: not sealed yet (normally for a second)."""

    id: int
    at: datetime
    action: str
    kind: str
    object_id: UUID
    region_id: UUID | None
    actor_kind: str
    user_id: UUID | None
    client_id: UUID | None
    session_id: UUID | None
    device_id: UUID | None
    request_id: str | None
    before_hash: str | None
    after_hash: str | None
    detail: dict[str, Any] | None
    seal_number: int | None


class CheckpointView(View):
    """One signed seal of the chain: Ed25519 over "anshao-audit-seal-v1" NUL number NUL seal_hash."""

    number: int
    seal_hash: str
    sealed_at: datetime
    signature: str
    key_id: str


class PublicKeyView(View):
    """A public key as JWK (RFC 7517, RFC 8037); `purpose` is what it signs: access, receipts or audit.

    It signs from `valid_from` until `valid_until` (null: it is the newest); what it signed then verifies for ever.
    """

    kty: str
    crv: str
    x: str
    kid: str
    alg: str
    use: str
    purpose: str
    valid_from: datetime
    valid_until: datetime | None


class PublicKeysView(View):
    """A JWK set: the whole history of keys, the newest of each purpose first."""

    keys: list[PublicKeyView]
