"""The double of the disk: it keeps what was synced, and would catch a store that does not sync."""

import os
from pathlib import Path

import anyio
import pytest

from app.services.identity.keys import KeyRing
from app.storage import local
from app.storage.local import LocalStore
from app.storage.store import StorageUnavailable, original_key
from tests.faults.power import Platter, installed


class Disk:
    """A data directory on a disk of ours."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.data.mkdir()
        self.platter = Platter(self.data, folder / "platter")

    def keep(self, *contents: bytes, forget: str = "") -> list[str]:
        """Store originals; gives their keys. The store is opened anew, as a new process would."""
        with installed(self.platter, forget):
            store = LocalStore(self.data / "objects")
            return [anyio.run(self._keep, store, content) for content in contents]

    async def _keep(self, store: LocalStore, content: bytes) -> str:
        async def pieces():  # type: ignore[no-untyped-def]
            yield bytearray(content)

        return (await store.keep(pieces())).key

    def read(self, key: str) -> bytes | None:
        path = self.data / "objects" / key
        return path.read_bytes() if path.exists() else None


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def test_what_the_store_acknowledged_is_there_after_a_power_cut(disk: Disk) -> None:
    contents = [bytes([number]) * 3000 for number in range(20)]
    keys = disk.keep(*contents)
    disk.platter.cut()
    assert [disk.read(key) for key in keys] == contents
    again = disk.keep(b"after the cut")
    disk.platter.cut()
    assert disk.read(again[0]) == b"after the cut"
    assert [disk.read(key) for key in keys] == contents


@pytest.mark.parametrize("forget", ["files", "names"])
def test_a_store_that_does_not_sync_is_caught(disk: Disk, forget: str) -> None:
    """The negative control: the very same store, its syncs of files or of folders left out."""
    disk.keep(b"synced before")  # the folders are durable
    (key,) = disk.keep(b"acknowledged", forget=forget)
    assert disk.read(key) == b"acknowledged"
    disk.platter.cut()
    assert disk.read(key) == (b"" if forget == "files" else None)


def test_a_store_that_links_before_it_syncs_the_file_is_caught(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local._Staged, "sync", lambda self: None)
    (key,) = disk.keep(b"acknowledged")
    disk.platter.cut()
    assert disk.read(key) == b""


def test_names_that_were_not_synced_are_dropped_and_removed_ones_may_come_back(disk: Disk) -> None:
    kept, removed = disk.keep(b"kept", b"removed")
    (disk.data / "objects" / "stray").write_bytes(b"never synced")
    (disk.data / "objects" / removed).unlink()
    counts = disk.platter.cut()
    assert not (disk.data / "objects" / "stray").exists()
    assert disk.read(kept) == b"kept"
    assert disk.read(removed) == b"removed"
    assert counts["names_dropped"] > 0
    assert counts["names_back"] == 1


def test_a_file_written_on_after_its_sync_is_as_it_was_synced(disk: Disk) -> None:
    (key,) = disk.keep(b"original")
    path = disk.data / "objects" / key
    path.chmod(0o640)
    with path.open("ab") as file:
        file.write(b" and more")
    disk.platter.cut()
    assert disk.read(key) == b"original"


def test_postgresql_is_left_alone(disk: Disk) -> None:
    disk.keep(b"x")
    (disk.data / "postgres").mkdir()
    (disk.data / "postgres" / "PG_VERSION").write_text("18")
    disk.platter.cut()
    assert (disk.data / "postgres" / "PG_VERSION").read_text() == "18"


def test_a_full_disk_acknowledges_nothing_and_goes_on_when_there_is_room(disk: Disk) -> None:
    disk.keep(b"before")
    disk.platter.marker.touch()
    with pytest.raises(StorageUnavailable, match="space"):
        disk.keep(b"while it is full")
    objects = disk.data / "objects"
    assert not any((objects / ".staging").iterdir())
    disk.platter.marker.unlink()
    (key,) = disk.keep(b"while it is full")
    assert disk.read(key) == b"while it is full"


def test_the_signing_keys_are_there_after_a_power_cut(disk: Disk) -> None:
    """Receipts signed before it must verify after it."""
    with installed(disk.platter):
        keys = KeyRing(disk.data / "keys")
        made = {purpose: keys.signing(purpose).id for purpose in ("access", "receipts", "audit")}
        derived = keys.derive("refresh", b"x")
        LocalStore(disk.data / "objects")
    disk.platter.cut()
    again = KeyRing(disk.data / "keys")
    assert {purpose: again.signing(purpose).id for purpose in made} == made  # type: ignore[arg-type]
    assert again.derive("refresh", b"x") == derived


def test_the_double_leaves_other_files_alone(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    with installed(disk.platter), (tmp_path / "elsewhere").open("wb") as file:
        file.write(b"x")
        os.fsync(file.fileno())
    assert not any((tmp_path / "platter" / "files").iterdir())
    assert original_key("sha-256:ab") == "originals/ab/ab"
