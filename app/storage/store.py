"""What every object store promises: content is put once under a key, durably, and never changes."""

from typing import Protocol


class ObjectStore(Protocol):
    """Keys are relative, slash-separated, ASCII. Methods run off the event loop."""

    async def put(self, key: str, content: bytes) -> None:
        """Store durably before returning; storing under a key that exists changes nothing."""

    async def read(self, key: str) -> bytes:
        """The whole content; raises FileNotFoundError."""

    async def exists(self, key: str) -> bool:
        """True when something is stored under the key."""


def original_key(sha256: str) -> str:
    """Where an original lies: by its own hash, so equal files are stored once and no name can collide."""
    digest = sha256.removeprefix("sha-256:")
    return f"originals/{digest[:2]}/{digest[2:4]}/{digest}"


def derivative_key(sha256: str, pixels: int) -> str:
    """Where a reduced copy of an original lies."""
    digest = sha256.removeprefix("sha-256:")
    return f"derivatives/{digest[:2]}/{digest[2:4]}/{digest}-{pixels}.jpg"
