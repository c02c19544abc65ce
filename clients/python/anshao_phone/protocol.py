"""The bytes of the protocol: hashes, identifiers, what is signed, and packages made once. Pure."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

Outcome = Literal["resolved", "unchanged", "aggravated"]
"""What a re-inspection finds of a hazard: put right, as it was, or worse than it was."""


def encode(raw: bytes) -> str:
    """Base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Its opposite; raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sha256_of(content: bytes) -> str:
    """A hash as the protocol writes it: sha-256:<hex>."""
    return "sha-256:" + hashlib.sha256(content).hexdigest()


def new_id() -> UUID:
    """A new UUIDv7 (RFC 9562)."""
    value = (time.time_ns() // 1_000_000 & (2**48 - 1)) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def canonical(document: Any) -> bytes:
    """Canonical JSON (RFC 8785) of what receipts hold: no fractions, keys in ASCII. Raises ValueError for anything else."""
    _check_canonical(document)
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _check_canonical(document: Any) -> None:
    if isinstance(document, dict):
        for key, value in document.items():
            if not key.isascii():
                raise ValueError("a key beyond ASCII")
            _check_canonical(value)
    elif isinstance(document, list):
        for value in document:
            _check_canonical(value)
    elif isinstance(document, float) or (isinstance(document, int) and abs(document) >= 2**53):
        raise ValueError("a number that not every reader writes alike")


def enrollment_message(code: str, fingerprint: str) -> bytes:
    """Proves that the phone holds the key it enrols."""
    return f"anshao.enroll/1\n{code}\n{fingerprint}".encode()


def refresh_message(token: str, at: str) -> bytes:
    """Lets a refresh token be used; `at` is an RFC 3339 moment within ten minutes of the server's."""
    return f"anshao.refresh/1\n{hashlib.sha256(token.encode()).hexdigest()}\n{at}".encode()


def package_message(package_hash: str) -> bytes:
    """Seals a package."""
    return f"anshao.package/1\n{package_hash}".encode()


def signature_message(package_hash: str, text_hash: str) -> bytes:
    """An officer's signature under a package and the text that was shown."""
    return f"anshao.package-signature/1\n{package_hash}\n{text_hash}".encode()


def withdrawal_message(package_id: UUID, file_id: UUID, declared_hash: str, at: str, reason: str) -> bytes:
    """States that a declared file is lost."""
    return f"anshao.evidence-withdrawal/1\n{package_id}\n{file_id}\n{declared_hash}\n{at}\n{reason}".encode()


def handover_message(kind: str, id: UUID, package_id: UUID, content_hash: str, at: str) -> bytes:
    """Lets a revoked phone leave a package or a file at the intake; `at` as it is sent."""
    return f"anshao.intake/1\n{kind}\n{id}\n{package_id}\n{content_hash}\n{at}".encode()


def hazard_result(
    hazard_id: str, outcome: Outcome, *, note: str | None = None, evidence_ids: Sequence[UUID] = ()
) -> dict[str, Any]:
    """One row of a re-inspection's `hazards`: what was found of a hazard, with its after-photos, which the package declares."""
    return {
        "hazard_id": hazard_id,
        "is_rectified": outcome == "resolved",
        "outcome": outcome,
        "note": note,
        "evidence_ids": [str(one) for one in evidence_ids],
    }


@dataclass(frozen=True, slots=True)
class Photo:
    """A file in memory. `question`: the path of the checklist's question it answers."""

    content: bytes
    question: str | None = None
    media_type: str = "image/jpeg"
    id: UUID = field(default_factory=new_id)
    captured_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def declaration(self) -> dict[str, Any]:
        """Its row in the manifest."""
        return {
            "id": str(self.id),
            "hash": sha256_of(self.content),
            "size": len(self.content),
            "media_type": self.media_type,
            "captured_at": self.captured_at.isoformat(),
            "source": "camera",
            "question": self.question,
        }


@dataclass(frozen=True, slots=True)
class SealedPackage:
    """A package made once: its bytes never change again."""

    id: UUID
    sealed: bytes
    photos: tuple[Photo, ...] = ()

    @property
    def hash(self) -> str:
        """Its identity."""
        return sha256_of(self.sealed)


def seal_document(
    device_id: UUID | None,
    user_id: UUID | None,
    document: Mapping[str, Any],
    manifest: Sequence[Mapping[str, Any]],
) -> SealedPackage:
    """The bytes of a package: the document with its id, its author and its manifest."""
    identifier = new_id()
    whole = {
        "schema": "anshao.package/1",
        "id": str(identifier),
        "device_id": str(device_id),
        "user_id": str(user_id),
        **document,
        "evidence": list(manifest),
    }
    return SealedPackage(identifier, json.dumps(whole, ensure_ascii=False).encode())
