"""A local folder: temporary file, fsync, create-only link, fsync of every folder whose entries changed."""

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

import anyio


class LocalStore:
    """Objects under `root`. A crash leaves at most a file in .staging, which is removed at the next start."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._staging = self._root / ".staging"
        self._make_folder(self._staging)

    async def put(self, key: str, content: bytes) -> None:
        """Store durably in one thread hop; an existing key is left as it is."""
        await anyio.to_thread.run_sync(self.put_now, key, content)

    def put_now(self, key: str, content: bytes) -> None:
        """The same, for a caller already in a thread."""
        target = self._path(key)
        temporary = self._staging / secrets.token_hex(16)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        try:
            try:
                view = memoryview(content)
                while view:
                    view = view[os.write(descriptor, view) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._make_folder(target.parent)
            # When the same content came before, its name may not be durable yet: sync all the same.
            with suppress(FileExistsError):
                os.link(temporary, target)
            _sync_folder(target.parent)
        finally:
            temporary.unlink(missing_ok=True)

    async def read(self, key: str) -> bytes:
        """The whole content; raises FileNotFoundError."""
        return await anyio.to_thread.run_sync(self._path(key).read_bytes)

    async def exists(self, key: str) -> bool:
        """True when something is stored under the key."""
        return await anyio.to_thread.run_sync(self._path(key).is_file)

    def clear_staging(self, older_than_seconds: float = 3600) -> int:
        """Remove what crashes left behind; returns how many files."""
        removed = 0
        for path in self._staging.iterdir():
            if _age(path) > older_than_seconds:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _path(self, key: str) -> Path:
        path = (self._root / key).resolve()
        if not path.is_relative_to(self._root) or path == self._root:
            raise ValueError("a key never leaves the store")
        return path

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and its parents so that their names survive a power cut."""
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime
