"""The file of an export: parts in the object store, put once under new keys, read as one."""

import secrets
from bisect import bisect_right
from collections.abc import Sequence
from datetime import timedelta
from itertools import accumulate
from uuid import UUID

from app.storage.store import ObjectStore

FOLDER = "exports"
KEPT_FOR = timedelta(days=3)
STRAY_AFTER = KEPT_FOR * 2
"""No export lives so long: what lies there then belongs to none (its writer died before it could say that it is there)."""


async def put_part(store: ObjectStore, export_id: UUID, content: bytes) -> str:
    """Store some bytes durably; gives their key, which no other writer ever means."""
    key = f"{FOLDER}/{export_id.hex[-2:]}/{export_id.hex}.{secrets.token_hex(8)}"
    await store.put(key, content)
    return key


async def remove_strays(store: ObjectStore) -> None:
    """Forget parts that no export can refer to any more."""
    async for keys in store.list_older(FOLDER, STRAY_AFTER.total_seconds()):
        for key in keys:
            await store.remove(key)


class PartedFile:
    """Parts one after the other, read like one stored object; never more of it in memory than is asked for."""

    def __init__(self, store: ObjectStore, parts: Sequence[tuple[str, int]]) -> None:
        self._store = store
        self._parts = parts
        self._ends = list(accumulate(size for _, size in parts))

    @property
    def size(self) -> int:
        """All bytes."""
        return self._ends[-1] if self._ends else 0

    async def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """`length` bytes from `start`, fewer at the end; `key` is of no meaning here. Raises FileNotFoundError."""
        left = self.size - start if length is None else min(length, self.size - start)
        found = bytearray()
        while left > 0:
            place = bisect_right(self._ends, start)
            part_key, part_size = self._parts[place]
            inside = start - (self._ends[place] - part_size)
            piece = await self._store.read(part_key, inside, min(left, part_size - inside))
            if not piece:
                raise EOFError(part_key)
            found += piece
            start, left = start + len(piece), left - len(piece)
        return bytes(found)
