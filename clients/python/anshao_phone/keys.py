"""The key of a device. A real phone keeps it in its secure hardware and lends nothing but signatures."""

import hashlib
import json
import os
from pathlib import Path
from typing import Protocol, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from anshao_phone.protocol import encode


class DeviceKey(Protocol):
    """What the phone asks of its key."""

    @property
    def public_jwk(self) -> dict[str, str]:
        """The public part as it is enrolled: Ed25519, or ES256 (RFC 7517, RFC 8037)."""

    def sign(self, message: bytes) -> str:
        """A signature, base64url."""


class SoftwareKey:
    """An Ed25519 key in memory, or in a file only its owner reads: for tests and demonstrations."""

    def __init__(self, private: Ed25519PrivateKey | None = None) -> None:
        self._private = private or Ed25519PrivateKey.generate()

    @classmethod
    def kept_in(cls, path: Path) -> Self:
        """The key of that file; a new one, durable before it is used, when there is none."""
        if path.exists():
            private = serialization.load_pem_private_key(path.read_bytes(), password=None)
            assert isinstance(private, Ed25519PrivateKey)
            return cls(private)
        key = cls()
        pem = key._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_durably(path, pem, 0o600)
        return key

    @property
    def public_jwk(self) -> dict[str, str]:
        """The public part."""
        raw = self._private.public_key().public_bytes_raw()
        return {"kty": "OKP", "crv": "Ed25519", "x": encode(raw)}

    def sign(self, message: bytes) -> str:
        """A signature, base64url."""
        return encode(self._private.sign(message))


def fingerprint_of(public_jwk: dict[str, str]) -> str:
    """The RFC 7638 thumbprint of a public key: what the phone shows and the console compares."""
    members = {name: public_jwk[name] for name in ("crv", "kty", "x", "y") if name in public_jwk}
    return encode(
        hashlib.sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).digest()
    )


def write_durably(path: Path, content: bytes, mode: int = 0o640) -> None:
    """A file that is whole and named after a power cut, or not there at all."""
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
