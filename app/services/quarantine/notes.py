"""Custody notes: what a revoked phone is told. Signed like a receipt, and unlike one it says that nothing was accepted."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.services.identity.keys import KeyRing
from app.services.inspections.receipt_format import sign_statement, statement_verifies

NOTE_SCHEMA = "anshao.custody-note/1"


def sign_note(
    keys: KeyRing,
    *,
    kind: str,
    id: UUID,
    package_id: UUID,
    sha256: str,
    size: int,
    device_id: UUID,
    at: datetime,
) -> bytes:
    """The note's bytes: canonical JSON of {note, key_id, alg, signature}. `received_at` is the server's time."""
    content = {
        "schema": NOTE_SCHEMA,
        "kind": kind,
        "id": str(id),
        "package_id": str(package_id),
        "hash": sha256,
        "size": size,
        "device_id": str(device_id),
        "received_at": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "standing": "durable, not accepted",
    }
    return sign_statement(keys, "note", content, at)


def note_verifies(document: Mapping[str, Any], published: Sequence[Mapping[str, str]]) -> bool:
    """True when a published key (JWK) of the named id signed the note. Needs nothing but these two."""
    return statement_verifies(document, "note", published)
