"""What every object store promises: content is put once under a key, durably, and never changes."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

PIECE_BYTES = 1024 * 1024
"""What is held in memory of a file under way; a file that fits is stored in one step."""

PARTS = "uploads"

Buffer = bytes | bytearray


class WrongContent(Exception):
    """The bytes that arrived are not the ones that were announced; nothing was stored."""


class StorageUnavailable(OSError):
    """The store cannot take or give objects at present: a full disk, a server that is away."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An original that is durable now; `is_new` False when the same bytes lay there before."""

    sha256: str
    size: int
    is_new: bool

    @property
    def key(self) -> str:
        """Where it lies."""
        return original_key(self.sha256)


class ObjectStore(Protocol):
    """Keys are relative, slash-separated, ASCII. Methods run off the event loop."""

    async def keep(self, pieces: AsyncIterator[Buffer], announced: str | None = None) -> Kept:
        """Store an original under its own hash, hashed while it arrives and durable before returning.

        Raises WrongContent, and stores nothing, when it is empty or its hash is not `announced` (sha-256:<hex>).
        """

    async def put(self, key: str, content: Buffer) -> bool:
        """Store durably before returning; a key that exists is left as it is. True when it is new."""

    async def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """The content, or `length` bytes of it from `start`; raises FileNotFoundError."""

    async def exists(self, key: str) -> bool:
        """True when something is stored under the key."""

    async def remove(self, key: str) -> None:
        """Forget what is stored under the key; harmless when there is nothing. Only for what no row refers to."""

    def list_older(self, folder: str, seconds: float) -> AsyncIterator[list[str]]:
        """The keys below a folder (and its folders) that were stored longer ago than that, some at a time."""

    async def presign(self, key: str, valid_for: timedelta) -> str | None:
        """An address of the store's own that gives the content to whoever holds it; None: the store signs none."""

    async def check(self) -> None:
        """Raise StorageUnavailable unless objects can be stored and read at present."""

    async def clear_staging(self, older_than_seconds: float = 3600) -> int:
        """Remove what interrupted uploads left behind; returns how many files."""


def original_key(sha256: str) -> str:
    """Where an original lies: by its own hash, so equal files are stored once and no name can collide."""
    digest = sha256.removeprefix("sha-256:")
    return f"originals/{digest[:2]}/{digest}"


def derivative_key(sha256: str) -> str:
    """Where a reduced copy lies: by its own hash as well."""
    digest = sha256.removeprefix("sha-256:")
    return f"derivatives/{digest[:2]}/{digest}.jpg"


def part_key(upload: UUID, start: int) -> str:
    """A new place for some bytes of an upload. No two writers ever mean the same one, so nothing is ever written over."""
    return f"{PARTS}/{upload.hex[-2:]}/{upload.hex}.{start}.{secrets.token_hex(8)}"


def check_key(key: str) -> str:
    """The key, if it stays inside the store; raises ValueError."""
    parts = key.split("/")
    if (
        not key.isascii()
        or any(part in ("", ".", "..") or "\x00" in part for part in parts)
        or parts[0] == ".staging"
    ):
        raise ValueError("a key never leaves the store")
    return key
