"""S3 and what speaks like it, through obstore: created once or not at all, signed addresses, large files in parts."""

import hashlib
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import IO, Any

import anyio
import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store as Bucket

from app.storage.store import (
    Buffer,
    Kept,
    StorageUnavailable,
    WrongContent,
    check_key,
    original_key,
)

PART_BYTES = 8 * 1024 * 1024
"""Files up to this size are one request; larger ones are uploaded in parts of it under a name of their own, then copied."""
STAGING = ".staging/"
MAX_IN_FLIGHT = 4


class S3Store:
    """Objects under a prefix of a bucket. The server needs conditional writes (If-None-Match), as S3 has had since 2024."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def keep(self, pieces: AsyncIterator[Buffer], announced: str | None = None) -> Kept:
        """Store an original under its own hash; nothing travels before the hash is known to be right."""
        first = await anext(pieces, b"")
        second = await anext(pieces, None)
        if second is None:
            sha256 = await anyio.to_thread.run_sync(_hash, first)
            _check(sha256, announced, len(first))
            return Kept(sha256, len(first), await self.put(original_key(sha256), bytes(first)))
        digest = hashlib.sha256()
        with tempfile.TemporaryFile(prefix="anshao-") as spool:
            size = await anyio.to_thread.run_sync(_append, spool, digest, first)
            size += await anyio.to_thread.run_sync(_append, spool, digest, second)
            async for piece in pieces:
                size += await anyio.to_thread.run_sync(_append, spool, digest, piece)
            sha256 = "sha-256:" + digest.hexdigest()
            _check(sha256, announced, size)
            return Kept(sha256, size, await self._put_file(original_key(sha256), spool, size))

    async def put(self, key: str, content: Buffer) -> bool:
        """One conditional request: the server itself refuses to replace what is there."""
        with _reported():
            try:
                await obstore.put_async(
                    self._bucket,
                    check_key(key),
                    bytes(content),
                    mode="create",
                    use_multipart=False,
                    attributes=_attributes(key),
                )
            except AlreadyExistsError:
                return False
        return True

    async def _put_file(self, key: str, file: IO[bytes], size: int) -> bool:
        file.seek(0)
        if size <= PART_BYTES:
            return await self.put(key, await anyio.to_thread.run_sync(file.read))
        staged = STAGING + secrets.token_hex(16)
        with _reported():
            await obstore.put_async(
                self._bucket,
                staged,
                file,
                chunk_size=PART_BYTES,
                max_concurrency=MAX_IN_FLIGHT,
                attributes=_attributes(key),
            )
            try:
                await obstore.copy_async(self._bucket, staged, key, overwrite=False)
            except AlreadyExistsError:
                return False
            finally:
                await obstore.delete_async(self._bucket, staged)
        return True

    async def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """The content, or `length` bytes of it from `start`; raises FileNotFoundError."""
        with _reported():
            head = await obstore.head_async(self._bucket, check_key(key))
            end = head["size"] if length is None else min(start + length, head["size"])
            if start >= end:
                return b""
            found = await obstore.get_range_async(self._bucket, key, start=start, end=end)
            return bytes(found)

    async def exists(self, key: str) -> bool:
        """True when something is stored under the key."""
        try:
            with _reported():
                await obstore.head_async(self._bucket, check_key(key))
        except FileNotFoundError:
            return False
        return True

    async def remove(self, key: str) -> None:
        """Forget what is stored under the key; harmless when there is nothing."""
        with _reported():
            try:
                await obstore.delete_async(self._bucket, check_key(key))
            except FileNotFoundError:
                return

    async def list_older(self, folder: str, seconds: float) -> AsyncIterator[list[str]]:
        """The keys below a folder (and its folders) that were stored longer ago than that, some at a time."""
        before = datetime.now(UTC) - timedelta(seconds=seconds)
        with _reported():
            async for batch in obstore.list(self._bucket, check_key(folder) + "/"):
                if found := [one["path"] for one in batch if one["last_modified"] < before]:
                    yield found

    async def presign(self, key: str, valid_for: timedelta) -> str | None:
        """An address the server itself checks: this object, to be read, for this long."""
        return await obstore.sign_async(self._bucket, "GET", check_key(key), valid_for)

    async def check(self) -> None:
        """Raise StorageUnavailable unless the bucket answers."""
        with _reported():
            async for _ in obstore.list(self._bucket, STAGING, chunk_size=1):
                break

    async def clear_staging(self, older_than_seconds: float = 3600) -> int:
        """Remove what interrupted uploads left; parts never completed are the bucket's own lifecycle's business."""
        removed = 0
        before = datetime.now(UTC) - timedelta(seconds=older_than_seconds)
        with _reported():
            async for batch in obstore.list(self._bucket, STAGING):
                for one in batch:
                    if one["last_modified"] < before:
                        await obstore.delete_async(self._bucket, one["path"])
                        removed += 1
        return removed


@contextmanager
def _reported() -> Iterator[None]:
    """A server that is away or refuses us is StorageUnavailable; a missing object stays FileNotFoundError."""
    try:
        yield
    except BaseError as failure:
        if isinstance(failure, AlreadyExistsError):
            raise
        raise StorageUnavailable(type(failure).__name__) from failure


def _attributes(key: str) -> Any:
    """What a signed address answers with: originals are never shown by a browser, only saved."""
    if key.endswith(".jpg"):
        return {"Content-Type": "image/jpeg"}
    return {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}


def _check(sha256: str, announced: str | None, size: int) -> None:
    if not size or (announced is not None and sha256 != announced):
        raise WrongContent


def _hash(content: Buffer) -> str:
    return "sha-256:" + hashlib.sha256(content).hexdigest()


def _append(file: IO[bytes], digest: Any, piece: Buffer) -> int:
    digest.update(piece)
    return file.write(piece)
