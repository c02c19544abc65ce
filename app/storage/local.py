"""A local folder: temporary file, fsync, create-only link, fsync of every folder whose entries changed."""

import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import anyio

from app.storage.store import Buffer, Kept, StorageUnavailable, WrongContent, check_key, original_key


class LocalStore:
    """Objects under `root`. A crash leaves at most a file in .staging, which is removed by the sweep."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._staging = self._root / ".staging"
        self._known: set[Path] = set()
        self._root.mkdir(parents=True, exist_ok=True)
        _sync_folder(self._root.parent)
        self._make_folder(self._staging)

    async def keep(self, pieces: AsyncIterator[Buffer], announced: str | None = None) -> Kept:
        """Store an original under its own hash: in one thread hop when it fits one piece, else piece by piece."""
        first = await anext(pieces, b"")
        second = await anext(pieces, None)
        if second is None:
            return await anyio.to_thread.run_sync(self._keep_whole, first, announced)
        staged = _Staged(self._staging)
        try:
            for piece in (first, second):
                await anyio.to_thread.run_sync(staged.write, piece)
            async for piece in pieces:
                await anyio.to_thread.run_sync(staged.write, piece)
            return await anyio.to_thread.run_sync(self._publish_original, staged, announced)
        finally:
            staged.discard()

    def _keep_whole(self, content: Buffer, announced: str | None) -> Kept:
        staged = _Staged(self._staging)
        try:
            staged.write(content)
            return self._publish_original(staged, announced)
        finally:
            staged.discard()

    def _publish_original(self, staged: "_Staged", announced: str | None) -> Kept:
        sha256 = staged.sha256
        if not staged.size or (announced is not None and sha256 != announced):
            raise WrongContent
        return Kept(sha256, staged.size, self._publish(staged, self._path(original_key(sha256))))

    async def put(self, key: str, content: Buffer) -> bool:
        """Store durably in one thread hop; an existing key is left as it is."""
        return await anyio.to_thread.run_sync(self.put_now, key, content)

    def put_now(self, key: str, content: Buffer) -> bool:
        """The same, for a caller already in a thread."""
        target = self._path(key)
        staged = _Staged(self._staging)
        try:
            staged.write(content)
            return self._publish(staged, target)
        finally:
            staged.discard()

    def _publish(self, staged: "_Staged", target: Path) -> bool:
        """Give a staged file its name for ever; False when something lies under it already."""
        staged.sync()
        with _reported():
            self._make_folder(target.parent)
            is_new = _link(staged.path, target)
            # When the same content came before, its name may not be durable yet: sync all the same.
            _sync_folder(target.parent)
        return is_new

    async def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """The content, or `length` bytes of it from `start`; raises FileNotFoundError."""
        return await anyio.to_thread.run_sync(_read, self._path(key), start, length)

    async def exists(self, key: str) -> bool:
        """True when something is stored under the key."""
        return await anyio.to_thread.run_sync(self._path(key).is_file)

    async def remove(self, key: str) -> None:
        """Forget what is stored under the key; harmless when there is nothing."""
        path = self._path(key)
        await anyio.to_thread.run_sync(lambda: path.unlink(missing_ok=True))

    async def list_older(self, folder: str, seconds: float) -> AsyncIterator[list[str]]:
        """The keys below a folder (and its folders) that were stored longer ago than that, some at a time."""
        top = self._path(folder)
        for path in (top, *await anyio.to_thread.run_sync(_folders_in, top)):
            if found := await anyio.to_thread.run_sync(_files_older, path, seconds):
                yield [one.relative_to(self._root).as_posix() for one in found]

    async def presign(self, key: str, valid_for: timedelta) -> str | None:
        """None: a folder signs nothing; services/evidence/links.py does."""
        return None

    async def check(self) -> None:
        """Raise StorageUnavailable unless a file can be written and synced in the folder."""
        await anyio.to_thread.run_sync(self._try_to_write)

    def _try_to_write(self) -> None:
        staged = _Staged(self._staging)
        try:
            staged.write(b"?")
            staged.sync()
        finally:
            staged.discard()

    async def clear_staging(self, older_than_seconds: float = 3600) -> int:
        """Remove what crashes left behind; returns how many files."""
        return await anyio.to_thread.run_sync(_remove_older, self._staging, older_than_seconds)

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and its parents so that their names survive a power cut; each is asked for once per process."""
        if folder in self._known:
            return
        below_root = folder.relative_to(self._root).parts
        path = self._root
        for part in below_root:
            # One that exists may have been made by a process that died before its name was durable: sync all the same.
            (path / part).mkdir(exist_ok=True)
            _sync_folder(path)
            path /= part
        self._known.add(folder)


class _Staged:
    """A file that grows in .staging and is hashed as it does."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / secrets.token_hex(16)
        self.size = 0
        self._hash = hashlib.sha256()
        with _reported():
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)

    @property
    def sha256(self) -> str:
        """The hash of what has been written."""
        return "sha-256:" + self._hash.hexdigest()

    def write(self, content: Buffer) -> None:
        """Append."""
        self._hash.update(content)
        self.size += len(content)
        view = memoryview(content)
        with _reported():
            while view:
                view = view[os.write(self._descriptor, view) :]

    def sync(self) -> None:
        """The content is on the disk when this returns."""
        with _reported():
            os.fsync(self._descriptor)

    def discard(self) -> None:
        """Close, and give the temporary name up; a published file keeps its other name."""
        os.close(self._descriptor)
        self.path.unlink(missing_ok=True)


@contextmanager
def _reported() -> Iterator[None]:
    """A full or failing disk is StorageUnavailable: the phone keeps its file and comes back."""
    try:
        yield
    except OSError as failure:
        raise StorageUnavailable(failure.errno, os.strerror(failure.errno or 0)) from failure


def _remove_older(folder: Path, seconds: float) -> int:
    removed = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # published or discarded while we look
            if time.time() - path.stat().st_mtime > seconds:
                path.unlink()
                removed += 1
    return removed


def _folders_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _files_older(folder: Path, seconds: float) -> list[Path]:
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):  # removed while we look
            if path.is_file() and time.time() - path.stat().st_mtime > seconds:
                found.append(path)
    return found


def _read(path: Path, start: int, length: int | None) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read() if length is None else file.read(length)


def _link(path: Path, target: Path) -> bool:
    try:
        os.link(path, target)
    except FileExistsError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
