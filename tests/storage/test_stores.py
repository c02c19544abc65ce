"""What every store promises, tried on the local folder and on a real S3 server alike."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from pydantic import SecretStr

from app.config import Settings
from app.storage.local import LocalStore
from app.storage.opening import StorageRefused, open_store
from app.storage.s3 import PART_BYTES
from app.storage.store import (
    PIECE_BYTES,
    Buffer,
    ObjectStore,
    StorageUnavailable,
    WrongContent,
    derivative_key,
    original_key,
)
from tests.support.objects import s3_settings

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def hash_of(content: bytes) -> str:
    return "sha-256:" + hashlib.sha256(content).hexdigest()


async def pieces(content: bytes, size: int = PIECE_BYTES) -> AsyncIterator[Buffer]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def test_what_is_put_is_read_whole_and_by_ranges(store: ObjectStore) -> None:
    content = os.urandom(100_000)

    async def work() -> None:
        assert await store.put("a/b.jpg", content) is True
        assert await store.read("a/b.jpg") == content
        assert await store.read("a/b.jpg", 10, 5) == content[10:15]
        assert await store.read("a/b.jpg", 99_990, 500) == content[99_990:]
        assert await store.read("a/b.jpg", 50_000) == content[50_000:]
        assert await store.read("a/b.jpg", 200_000, 10) == b""

    run(work())


def test_a_key_is_written_once(store: ObjectStore) -> None:
    async def work() -> None:
        assert await store.put("once", b"first") is True
        assert await store.put("once", b"second") is False
        assert await store.read("once") == b"first"

    run(work())


def test_of_parallel_puts_exactly_one_creates(store: ObjectStore) -> None:
    async def work() -> None:
        for number in range(3):
            made = await asyncio.gather(*(store.put(f"same/{number}", b"x" * 50_000) for _ in range(6)))
            assert sorted(made) == [False] * 5 + [True]

    run(work())


@pytest.mark.parametrize(
    "size", [1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 5, PART_BYTES + 1, 2 * PART_BYTES + 17]
)
def test_originals_of_any_size_lie_under_their_own_hash(store: ObjectStore, size: int) -> None:
    content = os.urandom(size)

    async def work() -> None:
        kept = await store.keep(pieces(content), hash_of(content))
        assert (kept.sha256, kept.size, kept.is_new) == (hash_of(content), size, True)
        assert kept.key == original_key(hash_of(content))
        assert await store.read(kept.key) == content
        again = await store.keep(pieces(content))
        assert (again.sha256, again.is_new) == (kept.sha256, False)
        assert await store.clear_staging(-1) == 0  # nothing was left behind

    run(work())


@pytest.mark.parametrize("size", [0, 10, PIECE_BYTES + 1, PART_BYTES + 1])
def test_bytes_that_are_not_the_announced_ones_are_not_stored(store: ObjectStore, size: int) -> None:
    content = os.urandom(size)

    async def work() -> None:
        with pytest.raises(WrongContent):
            await store.keep(pieces(content), hash_of(b"other"))
        assert await store.exists(original_key(hash_of(content))) is False
        assert await store.clear_staging(-1) == 0

    run(work())


@pytest.mark.parametrize("after", [0, 1, 3])
def test_an_upload_that_breaks_off_leaves_nothing(store: ObjectStore, after: int) -> None:
    async def broken() -> AsyncIterator[Buffer]:
        for _ in range(after):
            yield os.urandom(PIECE_BYTES)
        raise ConnectionResetError

    async def work() -> None:
        with pytest.raises(ConnectionResetError):
            await store.keep(broken())
        assert await store.clear_staging(-1) == 0

    run(work())


def test_of_parallel_identical_originals_exactly_one_is_new(store: ObjectStore) -> None:
    content = os.urandom(PIECE_BYTES + 100)

    async def work() -> None:
        kept = await asyncio.gather(*(store.keep(pieces(content)) for _ in range(4)))
        assert sorted(one.is_new for one in kept) == [False, False, False, True]

    run(work())


def test_missing_keys_say_so(store: ObjectStore) -> None:
    async def work() -> None:
        assert await store.exists("no/such") is False
        with pytest.raises(FileNotFoundError):
            await store.read("no/such")
        with pytest.raises(FileNotFoundError):
            await store.read("no/such", 5, 10)
        await store.remove("no/such")

    run(work())


def test_what_is_removed_is_gone_and_may_come_again(store: ObjectStore) -> None:
    async def work() -> None:
        await store.put("a", b"1")
        await store.remove("a")
        assert await store.exists("a") is False
        assert await store.put("a", b"2") is True

    run(work())


@pytest.mark.parametrize(
    "key", ["", "/", "/etc/passwd", "../x", "a/../../x", "a//b", "a/.", ".staging/x", "a\x00b", "现场", "a/"]
)
def test_a_key_never_leaves_the_store(store: ObjectStore, key: str) -> None:
    async def work() -> None:
        for call in (store.put(key, b"x"), store.read(key), store.exists(key), store.remove(key)):
            with pytest.raises(ValueError, match="never leaves"):
                await call

    run(work())


def test_a_ready_store_says_so(store: ObjectStore) -> None:
    run(store.check())


def test_keys_are_spread_over_folders_by_hash() -> None:
    digest = "ab" * 32
    assert original_key(f"sha-256:{digest}") == f"originals/ab/{digest}"
    assert derivative_key(f"sha-256:{digest}") == f"derivatives/ab/{digest}.jpg"


def test_the_local_store_syncs_content_name_and_folder_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order that a power cut cannot undo: content, then name, then the folder that holds the name."""
    done: list[str] = []
    fsync, link = os.fsync, os.link

    def noted_fsync(descriptor: int) -> None:
        done.append("folder" if Path(f"/proc/self/fd/{descriptor}").resolve().is_dir() else "content")
        fsync(descriptor)

    def noted_link(source: Any, target: Any) -> None:
        done.append("name")
        link(source, target)

    store = LocalStore(tmp_path / "objects")
    run(store.put("a/first", b"x"))
    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "link", noted_link)
    run(store.put("a/second", b"x"))
    assert done == ["content", "name", "folder"]
    done.clear()
    run(store.put("b/first", b"x"))  # a new folder's own name, too
    assert done == ["content", "folder", "name", "folder"]


def test_a_full_disk_is_unavailable_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path / "objects")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(StorageUnavailable):
            run(store.put("a", b"x"))
        with pytest.raises(StorageUnavailable):
            run(store.check())
    assert list((tmp_path / "objects" / ".staging").iterdir()) == []
    assert run(store.put("a", b"x")) is True


@pytest.mark.parametrize("call", ["link", "mkdir", "fsync"])
def test_a_disk_that_fills_up_or_fails_while_a_name_is_made_is_unavailable_and_the_next_put_stores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    store = LocalStore(tmp_path / "objects")
    fsync = os.fsync

    def fails(*given: Any, **_: object) -> None:
        if call == "fsync" and not Path(f"/proc/self/fd/{given[0]}").resolve().is_dir():
            return fsync(given[0])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fails)
        with pytest.raises(StorageUnavailable):
            run(store.put("new/a", b"x"))
    assert list((tmp_path / "objects" / ".staging").iterdir()) == []
    run(store.put("new/a", b"x"))
    assert run(store.read("new/a")) == b"x"


def test_left_over_files_are_cleared_only_when_they_are_old(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "objects")
    left = tmp_path / "objects" / ".staging" / "left"
    left.write_bytes(b"half a photograph")
    assert run(store.clear_staging()) == 0
    os.utime(left, (0, 0))
    assert run(store.clear_staging()) == 1


def test_a_signed_address_gives_its_object_only_and_only_for_a_while(s3_address: str, tmp_path: Path) -> None:
    store = open_store(s3_settings(s3_address, tmp_path, "signed"))

    async def work() -> list[str]:
        await store.put("originals/ab/one", b"one")
        await store.put("derivatives/ab/two.jpg", b"two")
        urls = [
            await store.presign("originals/ab/one", timedelta(minutes=5)),
            await store.presign("derivatives/ab/two.jpg", timedelta(minutes=5)),
            await store.presign("derivatives/ab/two.jpg", timedelta(seconds=1)),
        ]
        return [url for url in urls if url is not None]

    url, copy, short = run(work())
    with httpx.Client(trust_env=False) as http:
        got = http.get(url)
        assert (got.status_code, got.content) == (200, b"one")
        assert got.headers["content-disposition"] == "attachment"
        assert http.get(copy).headers["content-type"] == "image/jpeg"
        assert http.get(url.replace("/one", "/two")).status_code == 403
        assert http.get(url.replace("X-Amz-Expires=300", "X-Amz-Expires=301")).status_code == 403
        assert http.put(url, content=b"other").status_code == 403
        run(asyncio.sleep(2.5))
        assert http.get(short).status_code == 403


def test_a_server_that_refuses_us_is_unavailable(s3_address: str, tmp_path: Path) -> None:
    good = s3_settings(s3_address, tmp_path, "x")
    stranger = open_store(good.model_copy(update={"s3_secret_key": SecretStr("wrong")}))
    for call in (stranger.put("a", b"x"), stranger.check(), stranger.read("a")):
        with pytest.raises(StorageUnavailable):
            run(call)


@pytest.mark.parametrize("url", ["http://bucket", "s3://", "file:///x", "bucket"])
def test_an_address_that_is_no_bucket_is_refused_with_a_reason(tmp_path: Path, url: str) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, storage_url=url)  # type: ignore[call-arg]
    with pytest.raises(StorageRefused, match="存储地址"):
        open_store(settings)
