"""The signing keys, as files outside the database: Ed25519 per purpose, newest first, old ones kept to verify.

keys/<purpose>/<created>-<kid>.pem; the newest signs. keys/secret is the 32-byte secret behind cursors and token derivation.
"""

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Purpose = Literal["access", "receipts", "audit"]
PURPOSES: tuple[Purpose, ...] = ("access", "receipts", "audit")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One Ed25519 key; `id` is the RFC 7638 thumbprint of its public part."""

    id: str
    private: Ed25519PrivateKey

    @property
    def public_jwk(self) -> dict[str, str]:
        """The public key as a JWK (RFC 8037)."""
        raw = self.private.public_key().public_bytes_raw()
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": base64url(raw),
            "kid": self.id,
            "alg": "Ed25519",
            "use": "sig",
        }


def base64url(raw: bytes) -> str:
    """Base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _make_key(private: Ed25519PrivateKey) -> SigningKey:
    x = base64url(private.public_key().public_bytes_raw())
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()
    return SigningKey(base64url(hashlib.sha256(canonical).digest()), private)


class KeyRing:
    """Every key of this installation, read once at start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._keys = {purpose: self._load(purpose) for purpose in PURPOSES}
        self._secret = self._load_secret()
        self.remembered_tokens: dict[str, Any] = {}
        """Access tokens whose signature has been checked, with what they say (see tokens.py)."""

    def signing(self, purpose: Purpose) -> SigningKey:
        """The key that signs now."""
        return self._keys[purpose][0]

    def all(self, purpose: Purpose) -> list[SigningKey]:
        """Every key that may have signed, newest first."""
        return list(self._keys[purpose])

    def sign(self, purpose: Purpose, message: bytes) -> tuple[str, str]:
        """(key id, base64url signature) of a message."""
        key = self.signing(purpose)
        return key.id, base64url(key.private.sign(message))

    def verifies(self, purpose: Purpose, key_id: str, signature: str, message: bytes) -> bool:
        """True when one of our keys of that purpose and id made the signature."""
        raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
        for key in self._keys[purpose]:
            if key.id == key_id:
                try:
                    key.private.public_key().verify(raw, message)
                except InvalidSignature:
                    return False
                return True
        return False

    def derive(self, label: str, message: bytes) -> bytes:
        """32 bytes only this installation can compute (HMAC-SHA-256, domain separated by `label`)."""
        return hmac.digest(self._secret, label.encode() + b"\x00" + message, "sha256")

    def rotate(self, purpose: Purpose) -> SigningKey:
        """Make a new signing key; the old ones go on verifying."""
        key = _make_key(Ed25519PrivateKey.generate())
        pem = key.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        _write_secret(self._folder / purpose / f"{stamp}-{key.id[:16]}.pem", pem)
        if purpose in getattr(self, "_keys", {}):
            self._keys[purpose].insert(0, key)
        return key

    def _load(self, purpose: Purpose) -> list[SigningKey]:
        folder = self._folder / purpose
        folder.mkdir(exist_ok=True, mode=0o700)
        keys = []
        for path in sorted(folder.glob("*.pem"), reverse=True):
            private = serialization.load_pem_private_key(path.read_bytes(), password=None)
            assert isinstance(private, Ed25519PrivateKey)
            keys.append(_make_key(private))
        return keys or [self.rotate(purpose)]

    def _load_secret(self) -> bytes:
        path = self._folder / "secret"
        if not path.exists():
            _write_secret(path, secrets.token_bytes(32))
        return path.read_bytes()


def _write_secret(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass  # another process starting at the same moment made it first; its key is as good
    finally:
        temporary.unlink()
