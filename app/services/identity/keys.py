"""The signing keys, as files outside the database: Ed25519 per purpose, newest first, old ones kept to verify.

keys/<purpose>/<valid from>-<kid>.pem; the newest whose time has come signs, until the next one's. Every process looks for new
keys twice a minute, so a key that is announced two minutes ahead is known everywhere before it signs. keys/secret is the
32-byte secret behind cursors and token derivation.
"""

import base64
import fcntl
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core.clock import utc_now

Purpose = Literal["access", "receipts", "audit"]
PURPOSES: tuple[Purpose, ...] = ("access", "receipts", "audit")

LOOK_AGAIN_SECONDS = 30.0
ANNOUNCED_BEFORE = timedelta(minutes=2)
"""How long before it signs a new key lies in the folder: four looks of every process."""

_STAMP = "%Y%m%dT%H%M%S%f"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One Ed25519 key; `id` is the RFC 7638 thumbprint of its public part.

    It signs from `valid_from` on (whole milliseconds) until `valid_until`, when the next one takes over; None: no next one yet.
    """

    id: str
    private: Ed25519PrivateKey
    valid_from: datetime
    valid_until: datetime | None = None

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


def thumbprint(raw: bytes) -> str:
    """The RFC 7638 thumbprint of a public Ed25519 key of 32 bytes: its id."""
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{base64url(raw)}"}}'.encode()
    return base64url(hashlib.sha256(canonical).digest())


def _make_key(private: Ed25519PrivateKey, valid_from: datetime) -> SigningKey:
    started = valid_from.replace(microsecond=valid_from.microsecond // 1000 * 1000)
    return SigningKey(thumbprint(private.public_key().public_bytes_raw()), private, started)


def _in_order(keys: list[SigningKey]) -> list[SigningKey]:
    """Newest first, each until the next one's time."""
    newest_first = sorted(keys, key=lambda key: (key.valid_from, key.id), reverse=True)
    ends = [None, *(key.valid_from for key in newest_first)]
    return [replace(key, valid_until=end) for key, end in zip(newest_first, ends, strict=False)]


class KeyRing:
    """Every key of this installation; new ones in the folder are noticed while it runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        make_folder(folder)
        self._files: dict[Path, SigningKey] = {}
        self._keys: dict[Purpose, list[SigningKey]] = {purpose: self._load(purpose) for purpose in PURPOSES}
        self._looked_at = time.monotonic()
        self._secret = self._load_secret()
        self.remembered_tokens: dict[str, Any] = {}
        """Access tokens whose signature has been checked, with what they say (see tokens.py)."""

    def signing(self, purpose: Purpose, at: datetime | None = None) -> SigningKey:
        """The key that signs now, or what says it was made `at`."""
        moment = at or utc_now()
        keys = self.all(purpose)
        return next((key for key in keys if key.valid_from <= moment), keys[-1])

    def all(self, purpose: Purpose) -> list[SigningKey]:
        """Every key that may have signed or soon will, newest first."""
        if time.monotonic() - self._looked_at > LOOK_AGAIN_SECONDS:
            self.look_again()
        return list(self._keys[purpose])

    def sign(self, purpose: Purpose, message: bytes, at: datetime | None = None) -> tuple[str, str]:
        """(key id, base64url signature) of a message; `at`: the moment that the message itself gives as its own."""
        key = self.signing(purpose, at)
        return key.id, base64url(key.private.sign(message))

    def verifies(self, purpose: Purpose, key_id: str, signature: str, message: bytes) -> bool:
        """True when one of our keys of that purpose and id made the signature."""
        raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
        for key in self.all(purpose):
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

    def rotate(self, purpose: Purpose, valid_from: datetime | None = None) -> SigningKey:
        """Make a new signing key, of now or of a moment to come; the old ones go on verifying.

        A key that other processes must know before it signs is announced: `utc_now() + ANNOUNCED_BEFORE`.
        """
        key = _make_key(Ed25519PrivateKey.generate(), valid_from or utc_now())
        pem = key.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        name = f"{key.valid_from.astimezone(UTC).strftime(_STAMP)}-{key.id[:16]}.pem"
        write_secret(self._folder / purpose / name, pem)
        self.look_again()
        return key

    def look_again(self) -> None:
        """Read the keys that came into the folder since the last look."""
        self._looked_at = time.monotonic()
        self._keys = {purpose: self._read(purpose) for purpose in PURPOSES}

    def _load(self, purpose: Purpose) -> list[SigningKey]:
        folder = self._folder / purpose
        make_folder(folder)
        with alone(folder):
            keys = self._read(purpose)
            if keys:
                return keys
            self.rotate(purpose)
            return self._read(purpose)

    def _read(self, purpose: Purpose) -> list[SigningKey]:
        for path in (self._folder / purpose).glob("*.pem"):
            if path not in self._files:
                private = serialization.load_pem_private_key(path.read_bytes(), password=None)
                assert isinstance(private, Ed25519PrivateKey)
                stamp = path.name.partition("-")[0]
                self._files[path] = _make_key(private, datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC))
        return _in_order([key for path, key in self._files.items() if path.parent.name == purpose])

    def _load_secret(self) -> bytes:
        path = self._folder / "secret"
        if not path.exists():
            write_secret(path, secrets.token_bytes(32))
        return path.read_bytes()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time: two that start together must not each sign with a first key of its own."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_secret(path: Path, content: bytes) -> None:
    """A file that is whole and survives a power cut with its name, or is not there; the first of several writers wins."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
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
    _sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """A folder whose own name survives a power cut as well."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
