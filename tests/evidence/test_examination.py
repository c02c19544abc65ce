"""Working off what waits: each file once, in batches, whatever some of them do to the decoder."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Photo, sha256_of
from app.services.evidence import examination
from app.services.evidence.decoder import _LENGTHS, Decoder, DecoderFailed
from app.services.evidence.examination import examine_waiting
from app.services.runtime import Runtime
from app.storage.store import ObjectStore, original_key
from tests.evidence.conftest import Team
from tests.evidence.files import camera_jpeg, drawn, encoded, mp4, png_bomb
from tests.evidence.test_intake import row_of
from tests.factories.world import World


def run(world: World, work: Callable[[], Awaitable[Any]]) -> Any:
    async def within(_: AsyncSession) -> Any:
        return await work()

    return world.in_database(within)


def examine_all(world: World, runtime: Runtime, decoders: int = 1) -> int:
    """Examine until nothing waits; other tests' files too."""

    async def work() -> int:
        made = [Decoder() for _ in range(decoders)]
        taken = 0
        try:
            while found := await examine_waiting(runtime, made):
                taken += found
        finally:
            for decoder in made:
                await decoder.close()
        return taken

    return run(world, work)  # type: ignore[no-any-return]


def copies_of(world: World, evidence_id: UUID) -> list[dict[str, Any]]:
    async def find(session: AsyncSession) -> list[dict[str, Any]]:
        wanted = text("SELECT * FROM evidence_derivatives WHERE evidence_id = :id ORDER BY pixels DESC")
        return [dict(row) for row in (await session.execute(wanted, {"id": evidence_id})).mappings()]

    return world.in_database(find)  # type: ignore[no-any-return]


def test_files_are_examined_flagged_and_reduced_and_their_originals_stay(
    team: Team, runtime: Runtime
) -> None:
    whole = camera_jpeg(6)
    files = {
        "whole": Photo(whole, None),
        "truncated": Photo(camera_jpeg()[:-4000], None),
        "bomb": Photo(png_bomb(), None, "image/png"),
        "mislabelled": Photo(camera_jpeg(), None, "image/png"),
        "film": Photo(mp4(), None, "video/mp4"),
        "text": Photo("手写记录".encode() + camera_jpeg()[4:40], None, "text/plain"),
        "webp": Photo(encoded(drawn((500, 400)), "WEBP"), None, "image/webp"),
    }
    package = team.sent(*files.values())
    for file in files.values():
        assert team.phone.put_photo(package, file).status_code == 201
    assert team.phone.receipt(package.id) is not None  # whatever they decode to
    assert examine_all(team.world, runtime) >= len(files)
    rows = {name: row_of(team.world, file.id) for name, file in files.items()}
    assert {name: row["flags"] for name, row in rows.items() if row} == {
        "whole": [],
        "truncated": ["damaged"],
        "bomb": ["too_many_pixels"],
        "mislabelled": ["mislabelled"],
        "film": [],
        "text": ["mislabelled", "unsupported"],
        "webp": [],
    }
    with_copies = {name for name, file in files.items() if copies_of(team.world, file.id)}
    assert with_copies == {"whole", "webp"}
    row = rows["whole"]
    assert row is not None
    assert (row["detected_type"], row["metadata_facts"]["make"]) == ("image/jpeg", "Huawei")
    copies = copies_of(team.world, files["whole"].id)
    assert [(copy["pixels"], copy["width"], copy["height"]) for copy in copies] == [
        (1280, 960, 1280),
        (320, 240, 320),
    ]

    async def read() -> list[bytes]:
        keys = [original_key(row["sha256"]), *(copy["storage_key"] for copy in copies)]
        return [await runtime.storage.read(key) for key in keys]

    original, large, small = run(team.world, read)
    assert original == whole
    assert [len(large), len(small)] == [copy["size"] for copy in copies]


class Counting:
    """A store that counts the bytes that are read through it, by key."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.read_bytes: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        found = await self._store.read(key, start, length)
        self.read_bytes[key] += len(found)
        return found


def test_of_a_film_the_boxes_are_read_and_of_a_picture_that_is_too_large_the_beginning(
    team: Team, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is sent, a worker holds no more of it than a picture may have."""
    frames = random.Random(7).randbytes(3 * 1024**2)
    film = Photo(mp4() + (8 + len(frames)).to_bytes(4) + b"mdat" + frames, None, "video/mp4")
    cut = Photo(film.content[:-1], None, "video/mp4")
    document = Photo(b"%PDF-1.7" + frames, None, "application/pdf")
    large, small = Photo(camera_jpeg(), None), Photo(encoded(drawn((64, 48)), "JPEG"), None)
    files = (film, cut, document, large, small)
    monkeypatch.setattr(examination, "MAX_PICTURE_BYTES", len(large.content) - 1)
    package = team.sent(*files)
    for file in files:
        assert team.phone.put_photo(package, file).status_code == 201
    counting = Counting(runtime.storage)
    examine_all(team.world, replace(runtime, storage=counting))  # type: ignore[arg-type]
    rows = [row_of(team.world, file.id) for file in files]
    assert [row["flags"] for row in rows if row] == [[], ["damaged"], ["unsupported"], ["too_large"], []]
    assert [row["detected_type"] for row in rows if row] == [
        "video/mp4", "video/mp4", "application/pdf", "image/jpeg", "image/jpeg"
    ]  # fmt: skip
    assert [bool(copies_of(team.world, file.id)) for file in files] == [False] * 4 + [True]
    for file in files[:4]:
        assert counting.read_bytes[original_key(sha256_of(file.content))] <= examination.HEAD_BYTES + 100


def test_a_file_that_hangs_the_decoder_is_flagged_at_last_and_the_others_go_on(
    team: Team, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, sound = Photo(camera_jpeg(), "hangs"), Photo(camera_jpeg(), None)
    package = team.sent(hanging, sound)
    for file in (hanging, sound):
        team.phone.put_photo(package, file)

    class Fragile(Decoder):
        async def examine(self, content: bytes, claims: Any) -> dict[str, Any]:
            if content == hanging.content:
                raise DecoderFailed
            return await super().examine(content, claims)

    async def work() -> None:
        decoder = Fragile()
        while await examine_waiting(runtime, [decoder]):
            pass
        await decoder.close()

    monkeypatch.setattr(examination, "LEASE", -examination.LEASE)  # runs out at once
    run(team.world, work)
    rows = [row_of(team.world, file.id) for file in (hanging, sound)]
    assert [row["flags"] for row in rows if row] == [["undecodable"], []]
    assert rows[0] is not None
    assert rows[0]["attempts"] == examination.MAX_ATTEMPTS


def test_two_workers_never_take_the_same_file(team: Team, runtime: Runtime) -> None:
    files = [Photo(camera_jpeg(size=(200, 150)), None) for _ in range(6)]
    package = team.sent(*files)
    for file in files:
        team.phone.put_photo(package, file)

    async def work() -> None:
        first, second = Decoder(), Decoder()
        await asyncio.gather(*(examine_waiting(runtime, [decoder], batch=4) for decoder in (first, second)))
        while await examine_waiting(runtime, [first, second]):
            pass
        await first.close()
        await second.close()

    run(team.world, work)
    assert [row["attempts"] for file in files if (row := row_of(team.world, file.id))] == [1] * 6
    assert all(len(copies_of(team.world, file.id)) == 2 for file in files)


def test_an_original_that_is_gone_is_flagged_for_a_person(team: Team, runtime: Runtime) -> None:
    gone = Photo(camera_jpeg(), None)
    package = team.sent(gone)
    team.phone.put_photo(package, gone)
    row = row_of(team.world, gone.id)
    assert row is not None
    run(team.world, lambda: runtime.storage.remove(row["storage_key"]))
    examine_all(team.world, runtime)
    row = row_of(team.world, gone.id)
    assert row is not None
    assert row["flags"] == ["original_missing"]


def test_the_decoder_survives_a_crash_and_a_hang(world: World) -> None:
    async def work() -> None:
        decoder = Decoder(seconds=30)
        assert (await decoder.examine(camera_jpeg(), []))["flags"] == []
        assert decoder._process is not None
        decoder._process.kill()
        with pytest.raises(DecoderFailed):
            await decoder.examine(camera_jpeg(), [])
        assert (await decoder.examine(camera_jpeg(), []))["flags"] == []
        decoder._seconds = 0.0
        with pytest.raises(DecoderFailed):
            await decoder.examine(camera_jpeg(), [])
        decoder._seconds = 30
        assert (await decoder.examine(png_bomb(), []))["flags"] == ["too_many_pixels"]
        await decoder.close()

    run(world, work)


def test_a_decoder_that_is_closed_in_the_middle_of_a_large_answer_is_gone_at_once(world: World) -> None:
    noise = Image.effect_noise((1600, 1200), 100).convert("RGB")
    content = encoded(noise, "JPEG", quality=95)

    async def close_while_it_answers() -> int | None:
        decoder = Decoder()
        process = await decoder._start()
        assert process.stdin is not None
        process.stdin.write(_LENGTHS.pack(2, len(content)) + b"[]" + content)
        while not is_held_back(process):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.wait_for(decoder.close(), 10)
        return process.returncode

    assert run(world, close_while_it_answers) is not None


def is_held_back(process: asyncio.subprocess.Process) -> bool:
    """More of the answer has come than is taken at once, so reading has been paused."""
    assert process.stdout is not None
    return bool(process.stdout._paused)  # type: ignore[attr-defined]
