"""The disk as it would be if the power went: whatever was not synced, files and names, is gone.

Run inside the served processes: every `os.fsync` of a file or folder of the data directory is also written down on a *platter*
beside it, as of the moment before the sync began. A file's bytes are on the platter once the file was synced, a name once its
folder was. `cut` then makes the data directory what the platter says. PostgreSQL's own files are left alone: it is killed, and
relies on its own fsync and its log.

The same place makes the disk full on demand: while a marker file lies there, every `os.write` to the data directory fails with
ENOSPC after half of its bytes.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA, PLATTER, FORGET = "FAULTS_DATA", "FAULTS_PLATTER", "FAULTS_FORGET"
"""Environment of the served processes. FORGET, for negative controls: `files` or `names`, whose syncs are left out."""
FULL_MARKER = "disk-is-full"
OUTSIDE = ("postgres",)
"""Top-level names that belong to PostgreSQL or its starting."""

_fsync, _write = os.fsync, os.write


class Platter:
    """What is durable of `data`, kept in `folder`. Several processes write to it at once."""

    def __init__(self, data: Path, folder: Path) -> None:
        self._data = data.resolve()
        self._folder = folder.resolve()
        for name in ("bytes", "files", "folders", "locks"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        self.marker = self._folder / FULL_MARKER

    def relative(self, descriptor: int) -> str | None:
        """The place of an open file below the data directory; None elsewhere, and for PostgreSQL's."""
        place = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        if place == str(self._data):
            return ""
        if not place.startswith(f"{self._data}/") or place.endswith(" (deleted)"):
            return None
        relative = place[len(str(self._data)) + 1 :]
        return None if relative.startswith(OUTSIDE) else relative

    def sync(self, descriptor: int, forget: str) -> None:
        """Sync, and write down what that made durable."""
        relative = self.relative(descriptor)
        if relative is None:
            _fsync(descriptor)
            return
        status = os.fstat(descriptor)
        is_folder = stat.S_ISDIR(status.st_mode)
        if forget == ("names" if is_folder else "files"):
            return
        with self._alone(relative if is_folder else f"file {status.st_ino}"):
            if is_folder:
                entries = self._entries(self._data / relative)
                _fsync(descriptor)
                self._note("folders", _key(relative), {"path": relative, "entries": entries})
            else:
                content = (self._data / relative).read_bytes()
                _fsync(descriptor)
                self._note("files", str(status.st_ino), self._keep(content))

    def _entries(self, folder: Path) -> dict[str, Any]:
        """Every name with what it stands for now: the inode, and the bytes of it that are durable."""
        found: dict[str, Any] = {}
        with os.scandir(folder) as entries:
            for entry in entries:
                if folder == self._data and entry.name.startswith(OUTSIDE):
                    continue
                is_folder = entry.is_dir(follow_symlinks=False)
                bytes_ = None if is_folder else self._read("files", str(entry.inode()))
                found[entry.name] = {"inode": entry.inode(), "is_folder": is_folder, "bytes": bytes_}
        return found

    def cut(self) -> dict[str, int]:
        """Make the data directory what it would be after a power cut; counts what was dropped. Nothing may run on it."""
        counts = {"names_dropped": 0, "files_emptied": 0, "names_back": 0}
        self._restore("", counts)
        return counts

    def _restore(self, relative: str, counts: dict[str, int]) -> None:
        folder = self._data / relative
        noted = self._read("folders", _key(relative))
        durable: dict[str, Any] = noted["entries"] if noted else {}
        for path in list(folder.iterdir()):
            outside = not relative and path.name.startswith(OUTSIDE)
            if path.name not in durable and not outside:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                counts["names_dropped"] += 1
        for name, entry in durable.items():
            place = f"{relative}/{name}" if relative else name
            if entry["is_folder"]:
                (folder / name).mkdir(exist_ok=True)
                self._restore(place, counts)
            else:
                self._restore_file(folder / name, entry, counts)
        if noted:
            self._note("folders", _key(relative), {"path": relative, "entries": self._entries(folder)})

    def _restore_file(self, path: Path, entry: dict[str, Any], counts: dict[str, int]) -> None:
        """The bytes that were synced last; of a file whose bytes never were, nothing but the name is left."""
        is_same = path.exists() and path.stat().st_ino == entry["inode"]
        durable = self._read("files", str(entry["inode"])) if is_same else entry["bytes"]
        content = (self._folder / "bytes" / durable).read_bytes() if durable else b""
        if is_same and path.read_bytes() == content:
            return
        counts["files_emptied" if is_same else "names_back"] += 1
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        if durable:
            self._note("files", str(path.stat().st_ino), durable)

    def _keep(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        if not (self._folder / "bytes" / digest).exists():
            self._replace(self._folder / "bytes" / digest, content)
        return digest

    def _note(self, kind: str, key: str, what: Any) -> None:
        self._replace(self._folder / kind / key, json.dumps(what).encode())

    def _read(self, kind: str, key: str) -> Any:
        try:
            return json.loads((self._folder / kind / key).read_bytes())
        except FileNotFoundError:
            return None

    def _replace(self, path: Path, content: bytes) -> None:
        temporary = path.with_name(f"{path.name}.{os.getpid()}.{id(content)}")
        temporary.write_bytes(content)
        temporary.replace(path)

    @contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        """One sync of the same thing at a time, so that an older view never replaces a newer one."""
        with (self._folder / "locks" / _key(what)).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Double:
    """What stands in for `os.fsync` and `os.write`."""

    platter: Platter
    forget: str = ""

    def fsync(self, descriptor: Any) -> None:
        """As os.fsync, noted on the platter."""
        self.platter.sync(descriptor if isinstance(descriptor, int) else descriptor.fileno(), self.forget)

    def write(self, descriptor: int, content: Any) -> int:
        """As os.write; on a full disk, half of the bytes and then no more."""
        if self.platter.marker.exists() and self.platter.relative(descriptor) is not None:
            if len(content) > 1:
                return _write(descriptor, bytes(content[: len(content) // 2]))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return _write(descriptor, content)

    def install(self) -> None:
        """Stand in, in this process, from now on."""
        os.fsync = self.fsync
        os.write = self.write


@contextmanager
def installed(platter: Platter, forget: str = "") -> Iterator[None]:
    """Stand in while the block runs."""
    Double(platter, forget).install()
    try:
        yield
    finally:
        os.fsync, os.write = _fsync, _write


def install_from_environment() -> None:
    """Stand in if the environment says so."""
    if DATA in os.environ:
        platter = Platter(Path(os.environ[DATA]), Path(os.environ[PLATTER]))
        Double(platter, os.environ.get(FORGET, "")).install()
