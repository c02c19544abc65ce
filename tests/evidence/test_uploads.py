"""Resumable uploads as tus 1.0 speaks of them: counted bytes stay whatever is cut off, and the end is that of a single PUT."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import anyio
import pytest
from fastapi import Request
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Device, Photo, sha256_of
from app.core.actor import Actor
from app.core.clock import standing_at, utc_now
from app.core.ids import new_id
from app.http import bodies
from app.http.bodies import CutShortProblem
from app.services.evidence import arrivals
from app.services.evidence import uploads as service
from app.services.evidence.errors import UploadSupersededProblem
from app.services.evidence.upload_sweeping import remove_stray_parts, sweep_uploads
from app.services.runtime import Runtime
from app.storage.store import StorageUnavailable, original_key, part_key
from tests.evidence.conftest import Team
from tests.evidence.test_examination import run
from tests.evidence.test_intake import row_of, stored_bytes
from tests.evidence.uploading import TUS, Tus, code_of, large_file, metadata
from tests.factories.field import photo

KIB = 1024


@pytest.fixture
def tus(team: Team) -> Tus:
    return Tus(team.phone)


def parts_on_disk(runtime: Runtime, path: str | None = None) -> list[Path]:
    folder = runtime.settings.data_dir / "objects" / "uploads"
    wanted = f"{UUID(path.rpartition('/')[2]).hex}.*" if path else "*.*"
    return [one for one in folder.rglob(wanted) if one.is_file()]


def actor_of(phone: Device) -> Actor:
    return Actor("user", user_id=phone.user_id, device_id=phone.device_id)


def appended_until_cut(
    team: Team, runtime: Runtime, path: str, offset: int, pieces: list[bytes]
) -> type[Exception]:
    """Append pieces and then lose the connection; gives how it ended."""

    async def chunks() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
        raise CutShortProblem

    async def work() -> type[Exception]:
        try:
            identifier = UUID(path.rpartition("/")[2])
            await service.append_to_upload(runtime, actor_of(team.phone), identifier, offset, chunks())
        except CutShortProblem as ended:
            return type(ended)
        raise AssertionError("it did not end")

    return run(team.world, work)  # type: ignore[no-any-return]


def test_a_file_that_comes_in_chunks_is_stored_claimed_and_receipted_like_any_other(
    team: Team, runtime: Runtime, tus: Tus
) -> None:
    file = large_file(5 * KIB * KIB + 13)
    package = team.sent(file)
    path = tus.begin(file, package.id)
    sent = 0
    while sent < len(file.content):
        chunk = file.content[sent : sent + 700 * KIB]
        answer = tus.append(path, sent, chunk)
        sent += len(chunk)
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(sent))
        assert answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers["anshao-evidence-status"] == "verified"
    assert stored_bytes(team.world, runtime, file.content) == file.content
    row = row_of(team.world, file.id)
    assert row is not None
    assert (row["is_claimed"], row["region_id"], row["size"], row["media_type"]) == (
        True, team.world.town, len(file.content), "video/mp4",
    )  # fmt: skip
    assert team.phone.receipt(package.id) is not None
    assert parts_on_disk(runtime, path) == []
    head = tus.head(path)
    assert (head.headers["upload-offset"], head.headers["upload-length"]) == (str(len(file.content)),) * 2
    assert head.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("size", [1, 32 * KIB, KIB * KIB, KIB * KIB + 1, 3 * KIB * KIB])
def test_a_file_of_any_size_can_come_with_its_creation(
    team: Team, runtime: Runtime, tus: Tus, size: int
) -> None:
    file = Photo((new_id().bytes * (size // 16 + 1))[-size:], None)
    package = team.sent(file, photo())
    answer = tus.create(file, package.id, file.content)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(size))
    assert answer.json()["status"] == "verified"
    assert stored_bytes(team.world, runtime, file.content) == file.content


def test_the_first_bytes_may_come_with_the_creation_and_the_rest_later(
    team: Team, runtime: Runtime, tus: Tus
) -> None:
    file = large_file(100 * KIB)
    package = team.sent(file)
    answer = tus.create(file, package.id, file.content[: 30 * KIB])
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(30 * KIB))
    path = answer.headers["location"].removeprefix("/mobile/v1")
    assert tus.append(path, 30 * KIB, file.content[30 * KIB :]).status_code == 204
    assert stored_bytes(team.world, runtime, file.content) == file.content


def test_what_came_before_a_cut_counts_and_is_durable(team: Team, runtime: Runtime, tus: Tus) -> None:
    file = large_file(3 * KIB * KIB)
    path = tus.begin(file, team.sent(file).id)
    cut = 1_300_007
    pieces = [file.content[at : min(at + 60_000, cut)] for at in range(0, cut, 60_000)]
    assert appended_until_cut(team, runtime, path, 0, pieces) is CutShortProblem
    assert tus.offset(path) == cut
    assert sum(one.stat().st_size for one in parts_on_disk(runtime, path)) == cut
    assert tus.append(path, cut, file.content[cut:]).status_code == 204
    assert stored_bytes(team.world, runtime, file.content) == file.content


def test_the_full_length_is_told_only_of_a_file_that_is_stored(
    team: Team, runtime: Runtime, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that reads its full length believes it is done; so a crash before the end must not show it."""
    file = large_file(200 * KIB)
    path = tus.begin(file, team.sent(file).id)
    assert tus.append(path, 0, file.content[: 50 * KIB]).status_code == 204

    async def die(*_: Any) -> Any:
        raise RuntimeError("killed")

    for victim in ("take_original", "mark_complete"):
        with monkeypatch.context() as patched:
            patched.setattr(service, victim, die)
            assert tus.append(path, 50 * KIB, file.content[50 * KIB :]).status_code == 500
        assert tus.offset(path) == 50 * KIB
    assert tus.append(path, 50 * KIB, file.content[50 * KIB :]).status_code == 204
    assert tus.offset(path) == len(file.content)
    assert stored_bytes(team.world, runtime, file.content) == file.content


def test_a_part_that_is_durable_but_was_not_committed_does_not_count(
    team: Team, runtime: Runtime, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = large_file(200 * KIB)
    path = tus.begin(file, team.sent(file).id)

    async def die(*_: Any) -> Any:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(service, "count_parts", die)
        assert tus.append(path, 0, file.content[: 90 * KIB]).status_code == 500
    assert len(parts_on_disk(runtime, path)) == 1
    assert tus.offset(path) == 0
    assert tus.append(path, 0, file.content[: 50 * KIB]).status_code == 204
    assert tus.append(path, 50 * KIB, file.content[50 * KIB :]).status_code == 204
    assert stored_bytes(team.world, runtime, file.content) == file.content


@pytest.mark.parametrize("is_committed", [True, False])
def test_when_the_databases_answer_is_lost_parts_stay_if_they_count_and_go_if_they_do_not(
    team: Team, runtime: Runtime, tus: Tus, monkeypatch: pytest.MonkeyPatch, is_committed: bool
) -> None:
    """With a checksum all parts count at the end, in one statement; the connection dies before it or after its commit."""
    file = large_file(200 * KIB)
    path = tus.begin(file, team.sent(file).id)
    first = file.content[: 90 * KIB]
    checksum = f"sha256 {base64.b64encode(hashlib.sha256(first).digest()).decode()}"
    count = service.count_parts

    async def count_and_lose_the_answer(*given: Any) -> bool:
        if is_committed:
            assert await count(*given) is True
        raise OperationalError("count", {}, ConnectionResetError())

    with monkeypatch.context() as patched:
        patched.setattr(service, "count_parts", count_and_lose_the_answer)
        assert tus.append(path, 0, first, Upload_Checksum=checksum).status_code >= 500
    counted = 90 * KIB if is_committed else 0
    assert tus.offset(path) == counted
    assert sum(one.stat().st_size for one in parts_on_disk(runtime, path)) == counted
    assert tus.append(path, counted, file.content[counted:]).status_code == 204
    assert stored_bytes(team.world, runtime, file.content) == file.content


def test_an_upload_whose_counted_bytes_are_lost_ends_and_can_be_begun_anew(
    team: Team, runtime: Runtime, tus: Tus
) -> None:
    file = large_file(200 * KIB)
    package = team.sent(file)
    path = tus.begin(file, package.id)
    assert tus.append(path, 0, file.content[: 90 * KIB]).status_code == 204
    for part in parts_on_disk(runtime, path):
        part.unlink()
    lost = tus.append(path, 90 * KIB, file.content[90 * KIB :])
    assert code_of(lost) == (503, "upload_lost")
    assert lost.json()["retry"] == "now"
    assert tus.head(path).status_code == 404
    again = tus.begin(file, package.id)
    assert again != path
    assert tus.append(again, 0, file.content).status_code == 204
    assert stored_bytes(team.world, runtime, file.content) == file.content


def test_the_same_evidence_of_the_same_phone_resumes_the_same_upload(
    team: Team, runtime: Runtime, tus: Tus
) -> None:
    file = large_file(100 * KIB)
    package = team.sent(file)
    path = tus.begin(file, package.id)
    tus.append(path, 0, file.content[: 40 * KIB])
    again = tus.create(file, package.id)
    assert (again.status_code, again.headers["location"]) == (201, f"/mobile/v1{path}")
    assert again.headers["upload-offset"] == str(40 * KIB)
    with_bytes = tus.create(file, package.id, file.content)
    assert with_bytes.headers["upload-offset"] == str(40 * KIB)
    tus.append(path, 40 * KIB, file.content[40 * KIB :])
    done = tus.create(file, package.id)
    assert (done.headers["location"], done.headers["upload-offset"]) == (f"/mobile/v1{path}", str(100 * KIB))


def test_what_this_phone_sent_by_put_is_complete_at_once_and_claimed(team: Team, tus: Tus) -> None:
    file = photo()
    first, second = team.sent(file), team.sent(file)
    assert team.phone.put_photo(first, file).status_code == 201
    answer = tus.create(file, second.id)
    assert (answer.status_code, answer.json()["status"]) == (201, "verified")
    assert answer.headers["upload-offset"] == str(len(file.content))
    assert team.phone.receipt(second.id) is not None


@pytest.mark.parametrize("came_by", ["put", "upload"])
def test_a_file_that_was_stored_and_is_lost_is_wanted_again(
    team: Team, runtime: Runtime, tus: Tus, came_by: str
) -> None:
    file = large_file(1000)
    package = team.sent(file)
    if came_by == "put":
        assert team.phone.put_photo(package, file).status_code == 201
    else:
        assert tus.create(file, package.id, file.content).json()["status"] == "verified"
    run(team.world, lambda: runtime.storage.remove(original_key(sha256_of(file.content))))
    answer = tus.create(file, package.id)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "0")
    path = answer.headers["location"].removeprefix("/mobile/v1")
    done = tus.append(path, 0, file.content)
    assert (done.status_code, done.headers["anshao-evidence-status"]) == (204, "verified")
    assert stored_bytes(team.world, runtime, file.content) == file.content


def test_uploads_that_are_complete_at_once_do_not_pile_up(
    team: Team, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small file, sent once, may be named for any number of packages: the oldest of its uploads are forgotten."""
    monkeypatch.setattr(service, "MAX_COMPLETE_PER_DEVICE", 2)
    file = photo()
    assert team.phone.put_photo(team.seal(file), file).status_code == 201
    packages = [new_id() for _ in range(4)]
    paths = [tus.begin(file, package) for package in packages]
    assert [tus.head(path).status_code for path in paths] == [404, 404, 200, 200]
    again = tus.create(file, packages[0])
    assert (again.status_code, again.headers["upload-offset"]) == (201, str(len(file.content)))


def test_a_file_may_come_before_its_package(team: Team, tus: Tus) -> None:
    file = large_file(50 * KIB)
    package = team.seal(file)
    answer = tus.create(file, package.id, file.content)
    assert answer.json()["status"] == "stored"
    row = row_of(team.world, file.id)
    assert row is not None
    assert (row["is_claimed"], row["region_id"]) == (False, None)
    assert team.phone.put_package(package).json()["receipt"] is True


def test_bytes_that_are_not_the_announced_ones_are_422_not_claimed_and_the_upload_ends(
    team: Team, runtime: Runtime, tus: Tus
) -> None:
    file = large_file(80 * KIB)
    package = team.sent(file)
    path = tus.begin(file, package.id)
    damaged = b"?" + file.content[1:]
    assert tus.append(path, 0, damaged[: 40 * KIB]).status_code == 204
    answer = tus.append(path, 40 * KIB, damaged[40 * KIB :])
    assert code_of(answer) == (422, "wrong_evidence")
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert row_of(team.world, file.id) is None
    assert stored_bytes(team.world, runtime, damaged) is None
    assert tus.head(path).status_code == 404
    assert parts_on_disk(runtime, path) == []
    again = tus.begin(file, package.id)
    assert again != path
    assert tus.append(again, 0, file.content).status_code == 204


@pytest.mark.parametrize("what", ["size", "hash"])
def test_a_declaration_that_says_otherwise_refuses_before_the_first_byte(
    team: Team, tus: Tus, what: str
) -> None:
    file = large_file(1000)
    package = team.sent(file)
    said = (
        {"Upload_Length": "999"}
        if what == "size"
        else {"Upload_Metadata": metadata(file, package.id, sha256="0" * 64)}
    )
    assert code_of(tus.create(file, package.id, **said)) == (422, "wrong_evidence")
    assert code_of(tus.create(large_file(10), package.id)) == (409, "evidence_undeclared")


def test_the_id_of_another_of_the_phones_files_is_a_conflict(team: Team, tus: Tus) -> None:
    first = photo()
    package = team.seal(first)
    team.phone.put_photo(package, first)
    other = Photo(b"other bytes", None, id=first.id)
    assert code_of(tus.create(other, package.id)) == (409, "evidence_conflict")


def test_an_upload_is_nobody_elses_business(team: Team, tus: Tus) -> None:
    file = large_file(1000)
    package = team.seal(file)
    path = tus.begin(file, package.id)
    strangers = [
        Tus(team.field.phone(team.officers[1].user_id)),  # a colleague
        Tus(team.field.phone(team.officers[0].user_id)),  # his own other phone: it does not hold the file
    ]
    for stranger in strangers:
        unknown = f"/uploads/{uuid4()}"
        for ask in (
            stranger.end, lambda where, who=stranger: who.append(where, 0, b"x"),
            lambda where, who=stranger: who.phone.request("GET", where, headers=TUS),
        ):  # fmt: skip
            answers = [ask(path), ask(unknown)]
            assert [code_of(answer) for answer in answers] == [(404, "not_found")] * 2
        assert stranger.head(path).status_code == stranger.head(unknown).status_code == 404
        other = stranger.create(file, package.id)  # its own, from the beginning, and no word about the first
        assert other.headers["location"] != f"/mobile/v1{path}"
        assert other.headers["upload-offset"] == "0"
    assert tus.offset(path) == 0


def test_what_another_phone_stored_is_not_told_at_the_beginning_of_an_upload(team: Team, tus: Tus) -> None:
    file = photo()
    team.phone.put_photo(team.seal(file), file)
    stranger = Tus(team.field.phone(team.officers[1].user_id))
    known, unknown = stranger.create(file, new_id()), stranger.create(photo(), new_id())
    assert known.status_code == unknown.status_code == 201
    assert known.headers["upload-offset"] == unknown.headers["upload-offset"] == "0"


def test_a_foreign_package_is_404_before_the_first_byte(team: Team) -> None:
    file = large_file(1000)
    package = team.sent(file)
    stranger = Tus(team.field.phone(team.officers[1].user_id))
    assert code_of(stranger.create(file, package.id, file.content)) == (404, "not_found")


def test_who_may_not_upload_is_refused_before_a_byte_is_read(team: Team) -> None:
    file = large_file(1000)

    def never() -> Iterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    auditor = Tus(team.field.phone(team.world.person("auditor", region=team.world.town).user_id))
    assert auditor.create(file, new_id(), never()).status_code == 403  # type: ignore[arg-type]
    for method in ("PATCH", "HEAD", "DELETE"):
        assert auditor.phone.request(method, f"/uploads/{uuid4()}", headers=TUS).status_code == 403
        assert team.phone.http.request(method, f"/mobile/v1/uploads/{uuid4()}").status_code == 401
        assert team.officers[0].request(method, f"/mobile/v1/uploads/{uuid4()}").status_code == 403


def created_with_length(team: Team, value: str) -> Any:
    headers = {**TUS, "Upload-Metadata": metadata(photo(), new_id()), "Upload-Length": value}
    return team.phone.request(
        "POST",
        "/uploads",
        headers={name: text.encode() for name, text in headers.items()},  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("value", ["-1", "0", "1e3", "", " ", "0x10", "9" * 1001, "१"])
def test_a_length_that_cannot_be_is_refused_at_the_beginning(team: Team, value: str) -> None:
    answer = created_with_length(team, value)
    assert code_of(answer) == (400, "upload_length" if value == "0" else "upload_header")


@pytest.mark.parametrize("value", ["536870913", "99999999999999999999", "9" * 400])
def test_a_length_beyond_the_largest_file_is_413(team: Team, value: str) -> None:
    answer = created_with_length(team, value)
    assert code_of(answer) == (413, "upload_too_large")
    assert answer.json()["limit"] == 512 * KIB * KIB


@pytest.mark.parametrize("value", ["-1", "x", "", "1.0", "99999999999999999999"])
def test_an_offset_that_cannot_be_is_refused(team: Team, tus: Tus, value: str) -> None:
    file = large_file(1000)
    path = tus.begin(file, team.seal(file).id)
    assert code_of(tus.append(path, value, b"x")) == (400, "upload_header")
    assert tus.offset(path) == 0


@pytest.mark.parametrize("offset", [1, 999, 1000, 1001, 10**14])
def test_an_offset_that_is_not_where_the_upload_stands_is_409_and_says_where(
    team: Team, tus: Tus, offset: int
) -> None:
    file = large_file(1000)
    path = tus.begin(file, team.seal(file).id)
    answer = tus.append(path, offset, b"x")
    assert code_of(answer) == (409, "upload_offset")
    assert (answer.headers["upload-offset"], answer.json()["offset"]) == ("0", 0)
    assert tus.offset(path) == 0


def test_more_bytes_than_announced_are_413_and_cost_none_of_those_that_counted(
    team: Team, tus: Tus, runtime: Runtime
) -> None:
    file = large_file(1000)
    path = tus.begin(file, team.sent(file).id)
    assert code_of(tus.append(path, 0, file.content + b"x")) == (413, "upload_too_long")
    assert tus.offset(path) == 0  # its length told so before a byte was read
    assert tus.append(path, 0, file.content[:400]).status_code == 204
    unannounced = tus.append(path, 400, iter([file.content[400:], b"x"]))
    assert code_of(unannounced) == (413, "upload_too_long")
    assert stored_bytes(team.world, runtime, file.content) is None
    assert tus.offset(path) == 400
    assert tus.append(path, 400, file.content[400:]).status_code == 204
    assert stored_bytes(team.world, runtime, file.content) == file.content


def test_a_body_beyond_the_largest_file_is_not_read(team: Team, tus: Tus) -> None:
    file = large_file(10)
    answer = tus.create(file, team.seal(file).id, b"x", Content_Length=str(512 * KIB * KIB + 1))
    assert code_of(answer) == (413, "too_large")


@pytest.mark.parametrize("name", ["sha1", "sha256", "sha512"])
def test_a_wrong_checksum_is_460_and_none_of_its_bytes_count(
    team: Team, runtime: Runtime, tus: Tus, name: str
) -> None:
    file = large_file(2 * KIB * KIB)
    path = tus.begin(file, team.sent(file).id)
    first, rest = file.content[:1_500_000], file.content[1_500_000:]

    def checksum(content: bytes) -> str:
        return f"{name} {base64.b64encode(hashlib.new(name, content).digest()).decode()}"

    damaged = tus.append(path, 0, b"?" + first[1:], Upload_Checksum=checksum(first))
    assert code_of(damaged) == (460, "checksum_mismatch")
    assert tus.offset(path) == 0
    assert parts_on_disk(runtime, path) == []
    assert tus.append(path, 0, first, Upload_Checksum=checksum(first)).status_code == 204
    assert code_of(tus.append(path, len(first), b"?" + rest[1:], Upload_Checksum=checksum(rest))) == (
        460, "checksum_mismatch",
    )  # fmt: skip
    assert tus.offset(path) == len(first)
    assert tus.append(path, len(first), rest, Upload_Checksum=checksum(rest)).status_code == 204
    assert stored_bytes(team.world, runtime, file.content) == file.content


@pytest.mark.parametrize("value", ["", "sha256", "crc32 AAAA", "sha256 AAAA", "sha256 !!!", "none"])
def test_a_checksum_that_cannot_be_read_is_400(team: Team, tus: Tus, value: str) -> None:
    file = large_file(100)
    path = tus.begin(file, team.seal(file).id)
    assert code_of(tus.append(path, 0, file.content, Upload_Checksum=value)) == (400, "upload_header")
    assert tus.offset(path) == 0


@pytest.mark.parametrize("host", ["evil.example", "evil.example:99", "127.0.0.1@evil.example"])
def test_location_never_follows_the_host_header(team: Team, tus: Tus, host: str) -> None:
    forged = {"Host": host, "X-Forwarded-Host": host, "Forwarded": f"host={host}"}
    file = large_file(100)
    answer = tus.create(file, team.seal(file).id, **forged)
    assert answer.headers["location"].startswith("/mobile/v1/uploads/")
    slashed = team.phone.request("POST", "/uploads/", headers=TUS | forged, follow_redirects=False)
    assert slashed.status_code == 404
    assert "location" not in slashed.headers


@pytest.mark.parametrize(
    "changes",
    [{"evidence_id": "1"}, {"package_id": ""}, {"sha256": "abc"}, {"filetype": "a\nb"}, {"filetype": "图"}],
)
def test_metadata_that_says_too_little_is_refused(team: Team, tus: Tus, changes: dict[str, str]) -> None:
    answer = tus.create(photo(), new_id(), Upload_Metadata=metadata(photo(), new_id(), **changes))
    assert code_of(answer) == (422, "upload_metadata")
    for broken in ("", "evidence_id", "evidence_id !!!", "a b,,c"):
        assert code_of(tus.create(photo(), new_id(), Upload_Metadata=broken)) == (422, "upload_metadata")


def test_metadata_comes_back_as_it_was_sent(team: Team, tus: Tus) -> None:
    file = large_file(100)
    package = team.seal(file)
    assert tus.head(tus.begin(file, package.id)).headers["upload-metadata"] == metadata(file, package.id)


def test_options_tell_what_is_spoken_without_a_login(team: Team) -> None:
    answer = team.phone.http.request("OPTIONS", "/mobile/v1/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) == {
        "creation", "creation-with-upload", "checksum", "expiration", "termination",
    }  # fmt: skip
    assert "sha1" in answer.headers["tus-checksum-algorithm"].split(",")
    assert answer.headers["tus-max-size"] == str(512 * KIB * KIB)


def test_another_version_of_tus_is_412(team: Team, tus: Tus) -> None:
    answer = tus.create(photo(), new_id(), Tus_Resumable="0.2.2")
    assert code_of(answer) == (412, "tus_version")
    assert answer.headers["tus-version"] == "1.0.0"


def test_a_body_of_another_media_type_is_415(team: Team, tus: Tus) -> None:
    file = large_file(100)
    path = tus.begin(file, team.seal(file).id)
    assert tus.append(path, 0, file.content, Content_Type="image/jpeg").status_code == 415
    assert tus.offset(path) == 0


def test_patch_may_be_sent_as_post(team: Team, tus: Tus) -> None:
    file = large_file(100)
    path = tus.begin(file, team.seal(file).id)
    headers = TUS | {
        "X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream",
    }  # fmt: skip
    assert team.phone.request("POST", path, content=file.content, headers=headers).status_code == 204
    assert team.phone.request("POST", path, headers=TUS).status_code == 405


def test_an_ended_upload_is_gone_with_its_bytes_and_a_stored_file_stays(
    team: Team, runtime: Runtime, tus: Tus
) -> None:
    file = large_file(100 * KIB)
    package = team.sent(file)
    path = tus.begin(file, package.id)
    tus.append(path, 0, file.content[: 50 * KIB])
    assert len(parts_on_disk(runtime, path)) == 1
    assert tus.end(path).status_code == 204
    assert parts_on_disk(runtime, path) == []
    for answer in (tus.end(path), tus.append(path, 50 * KIB, b"x")):
        assert code_of(answer) == (404, "not_found")
    done = tus.begin(file, package.id)
    tus.append(done, 0, file.content)
    assert tus.end(done).status_code == 204
    assert stored_bytes(team.world, runtime, file.content) == file.content
    assert row_of(team.world, file.id) is not None


def test_an_upload_taken_over_stops_counting_for_the_one_before(
    team: Team, runtime: Runtime, tus: Tus
) -> None:
    """The older request still has bytes to give when a newer one has gone on: none of them may land between its own."""
    file = large_file(400 * KIB)
    path = tus.begin(file, team.sent(file).id)
    identifier, phone = UUID(path.rpartition("/")[2]), actor_of(team.phone)

    async def work() -> None:
        async def slow() -> AsyncIterator[bytes]:
            yield file.content[: 100 * KIB]
            found = await service.find_upload(runtime, phone, identifier, is_exclusive=True)
            assert found.received == 0

            async def quick() -> AsyncIterator[bytes]:
                yield file.content[: 150 * KIB]

            taken = await service.append_to_upload(runtime, phone, identifier, 0, quick())
            assert taken.received == 150 * KIB
            yield file.content[100 * KIB : 120 * KIB]

        with pytest.raises(UploadSupersededProblem):
            await service.append_to_upload(runtime, phone, identifier, 0, slow())

    run(team.world, work)
    assert tus.offset(path) == 150 * KIB
    assert sum(one.stat().st_size for one in parts_on_disk(runtime, path)) == 150 * KIB
    assert tus.append(path, 150 * KIB, file.content[150 * KIB :]).status_code == 204
    assert stored_bytes(team.world, runtime, file.content) == file.content


def test_an_overtaken_request_with_damaged_last_bytes_ends_nothing(
    team: Team, runtime: Runtime, tus: Tus
) -> None:
    """Neither by mixing its bytes with its successor's, nor by taking the upload away from under it."""
    file = large_file(400 * KIB)
    path = tus.begin(file, team.sent(file).id)
    identifier, phone = UUID(path.rpartition("/")[2]), actor_of(team.phone)

    async def work() -> None:
        async def older() -> AsyncIterator[bytes]:
            yield b"?" * (100 * KIB)
            await service.find_upload(runtime, phone, identifier, is_exclusive=True)

            async def newer() -> AsyncIterator[bytes]:
                yield file.content[: 150 * KIB]

            await service.append_to_upload(runtime, phone, identifier, 0, newer())
            yield b"?" * (300 * KIB)

        with pytest.raises(UploadSupersededProblem):
            await service.append_to_upload(runtime, phone, identifier, 0, older())

    run(team.world, work)
    assert tus.offset(path) == 150 * KIB
    assert tus.append(path, 150 * KIB, file.content[150 * KIB :]).status_code == 204
    assert stored_bytes(team.world, runtime, file.content) == file.content


def test_an_upload_overtaken_while_it_completes_is_still_the_right_file(
    team: Team, runtime: Runtime, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = large_file(300 * KIB)
    path = tus.begin(file, team.sent(file).id)
    identifier, phone = UUID(path.rpartition("/")[2]), actor_of(team.phone)
    assert tus.append(path, 0, file.content[: 100 * KIB]).status_code == 204
    take = service.take_original

    async def take_late(*given: Any) -> Any:
        monkeypatch.setattr(service, "take_original", take)
        await service.find_upload(runtime, phone, identifier, is_exclusive=True)

        async def newer() -> AsyncIterator[bytes]:
            yield file.content[100 * KIB : 200 * KIB]

        await service.append_to_upload(runtime, phone, identifier, 100 * KIB, newer())
        return await take(*given)

    monkeypatch.setattr(service, "take_original", take_late)
    assert tus.append(path, 100 * KIB, file.content[100 * KIB :]).status_code == 204
    assert tus.offset(path) == len(file.content)
    assert stored_bytes(team.world, runtime, file.content) == file.content


def test_a_request_that_went_silent_is_taken_over_after_seconds(
    team: Team, runtime: Runtime, tus: Tus
) -> None:
    file = large_file(100 * KIB)
    path = tus.begin(file, team.sent(file).id)
    identifier, phone = UUID(path.rpartition("/")[2]), actor_of(team.phone)

    async def work() -> list[int]:
        async with runtime.database.single_statement() as connection:
            await service.take_lease(connection, phone, identifier, 0)  # and dies without a word
        return []

    run(team.world, work)
    busy = tus.append(path, 0, file.content)
    assert code_of(busy) == (423, "upload_busy")
    assert 1 <= int(busy.headers["retry-after"]) <= 10
    with standing_at(utc_now() + timedelta(seconds=6)):
        assert tus.append(path, 0, file.content).status_code == 204


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_OPEN_PER_DEVICE", 2), ("MAX_OPEN_PER_USER", 2), ("MAX_BYTES_PER_DEVICE", 2999),
        ("MAX_BYTES_PER_USER", 2999),
    ],
)  # fmt: skip
def test_too_much_under_way_is_429_until_something_ends(
    team: Team, runtime: Runtime, tus: Tus, monkeypatch: pytest.MonkeyPatch, name: str, value: int
) -> None:
    monkeypatch.setattr(service, name, value)
    files = [large_file(1000) for _ in range(3)]
    package = team.sent(*files)
    paths = [tus.begin(file, package.id) for file in files[:2]]
    refused = tus.create(files[2], package.id, files[2].content)
    assert code_of(refused) == (429, "upload_quota")
    assert refused.headers["retry-after"] == "600"
    assert tus.create(files[0], package.id).headers["location"] == f"/mobile/v1{paths[0]}"
    other = Tus(team.field.phone(team.officers[0].user_id))
    answer = other.create(large_file(1000), new_id())
    assert answer.status_code == (429 if "USER" in name else 201)
    tus.append(paths[0], 0, files[0].content)
    if answer.status_code == 201:
        assert tus.create(files[2], package.id).status_code == 201
    tus.end(paths[1])
    assert tus.create(files[2], package.id).status_code == 201


def test_of_uploads_begun_at_once_no_more_are_under_way_than_there_is_room_for(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_OPEN_PER_USER", 2)
    check = service._check_quotas

    async def check_and_be_slow(*given: Any) -> None:
        await check(*given)
        await asyncio.sleep(0.3)

    monkeypatch.setattr(service, "_check_quotas", check_and_be_slow)
    files = [large_file(1000) for _ in range(6)]
    package = team.sent(*files)
    with ThreadPoolExecutor(len(files)) as pool:
        answers = list(pool.map(lambda file: Tus(team.phone).create(file, package.id), files))
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [429] * 4


def test_too_many_files_waiting_for_packages_refuse_before_the_first_byte(
    team: Team, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "UNCLAIMED", replace(arrivals.UNCLAIMED, files=1))
    waiting = [photo(), photo()]
    package = team.seal(*waiting)
    assert tus.create(waiting[0], package.id, waiting[0].content).status_code == 201
    answer = tus.create(waiting[1], package.id)
    assert code_of(answer) == (429, "unclaimed_quota")
    assert answer.headers["retry-after"] == "600"


def test_a_quota_met_only_at_the_end_keeps_what_was_sent(
    team: Team, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused for now, not for good: the phone comes back for the last bytes only."""
    early, late = photo(), large_file(100 * KIB)
    package = team.seal(early, late)
    path = tus.begin(late, package.id)
    tus.append(path, 0, late.content[: 60 * KIB])
    tus.create(early, package.id, early.content)
    monkeypatch.setattr(arrivals, "UNCLAIMED", replace(arrivals.UNCLAIMED, files=1))
    assert code_of(tus.append(path, 60 * KIB, late.content[60 * KIB :])) == (429, "unclaimed_quota")
    assert tus.offset(path) == 60 * KIB
    assert team.phone.put_package(package).status_code == 201
    assert tus.append(path, 60 * KIB, late.content[60 * KIB :]).status_code == 204
    assert team.phone.receipt(package.id) is not None


def test_an_upload_expires_fourteen_days_after_its_last_byte_and_is_swept_with_its_bytes(
    team: Team, runtime: Runtime, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_OPEN_PER_DEVICE", 1)
    file, other = large_file(1000), large_file(1000)
    package = team.sent(file, other)
    path = tus.begin(file, package.id)
    answer = tus.append(path, 0, file.content[:500])
    expires = parsedate_to_datetime(answer.headers["upload-expires"])
    assert timedelta(days=14) - (expires - utc_now()) < timedelta(minutes=1)
    with standing_at(expires - timedelta(hours=1)):
        run(team.world, lambda: sweep_uploads(runtime))
    assert tus.offset(path) == 500
    assert tus.create(other, package.id).status_code == 429
    keys = parts_on_disk(runtime, path)
    assert len(keys) == 1
    expire(team, path)
    assert tus.head(path).status_code == 410
    assert code_of(tus.append(path, 500, file.content[500:])) == (410, "upload_expired")
    assert run(team.world, lambda: sweep_uploads(runtime)) >= 1
    assert parts_on_disk(runtime, path) == []
    assert tus.head(path).status_code == 404
    assert tus.create(other, package.id).status_code == 201


def expire(team: Team, path: str) -> None:
    """As if fourteen days had gone by."""

    async def work(session: AsyncSession) -> None:
        moved = text("UPDATE evidence_uploads SET expires_at = :at WHERE id = :id")
        await session.execute(moved, {"at": utc_now(), "id": UUID(path.rpartition("/")[2])})

    team.world.in_database(work)


def test_an_expired_upload_that_was_not_swept_yet_can_be_begun_anew(team: Team, tus: Tus) -> None:
    file = large_file(1000)
    package = team.sent(file)
    path = tus.begin(file, package.id)
    tus.append(path, 0, file.content[:500])
    expire(team, path)
    again = tus.create(file, package.id, file.content)
    assert again.headers["location"] != f"/mobile/v1{path}"
    assert again.json()["status"] == "verified"


def test_parts_that_no_upload_knows_are_swept_after_a_day_and_others_stay(
    team: Team, runtime: Runtime, tus: Tus
) -> None:
    file = large_file(1000)
    path = tus.begin(file, team.sent(file).id)
    tus.append(path, 0, file.content[:500])
    stray = part_key(uuid4(), 0)
    run(team.world, lambda: runtime.storage.put(stray, b"left by a crash"))
    run(team.world, lambda: remove_stray_parts(runtime))
    assert run(team.world, lambda: runtime.storage.exists(stray)) is True
    assert run(team.world, lambda: remove_stray_parts(runtime, -1)) >= 1
    assert run(team.world, lambda: runtime.storage.exists(stray)) is False
    assert tus.append(path, 500, file.content[500:]).status_code == 204


def test_a_full_disk_is_503_with_retry_after_and_the_upload_goes_on_when_there_is_room(
    team: Team, runtime: Runtime, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = large_file(100 * KIB)
    path = tus.begin(file, team.sent(file).id)

    async def full(*_: Any) -> bool:
        raise StorageUnavailable(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(runtime.storage, "put", full)
        answer = tus.append(path, 0, file.content[: 50 * KIB])
        assert code_of(answer) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
    assert tus.offset(path) == 0
    assert tus.append(path, 0, file.content).status_code == 204
    assert stored_bytes(team.world, runtime, file.content) == file.content


def test_a_body_that_stalls_is_given_up_and_what_came_counts(
    team: Team, runtime: Runtime, tus: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(bodies, "SILENCE_SECONDS", 0.1)
    file = large_file(100 * KIB)
    path = tus.begin(file, team.sent(file).id)
    messages = [{"type": "http.request", "body": file.content[: 40 * KIB], "more_body": True}]

    async def receive() -> Any:
        if not messages:
            await anyio.sleep_forever()
        return messages.pop()

    async def work() -> None:
        chunks = bodies.body_chunks(Request({"type": "http", "headers": []}, receive))
        identifier = UUID(path.rpartition("/")[2])
        with pytest.raises(bodies.SilentProblem):
            await service.append_to_upload(runtime, actor_of(team.phone), identifier, 0, chunks)

    run(team.world, work)
    assert tus.offset(path) == 40 * KIB
    assert tus.append(path, 40 * KIB, file.content[40 * KIB :]).status_code == 204


def test_an_upload_is_a_few_statements_however_many_bytes_come(
    team: Team, runtime: Runtime, tus: Tus
) -> None:
    from tests.support.queries import recorded_queries

    file = large_file(900 * KIB)
    path = tus.begin(file, team.sent(file, photo()).id)
    with recorded_queries(runtime.database) as statements:
        assert tus.append(path, 0, file.content[: 800 * KIB]).status_code == 204
    assert len(statements) == 5, statements  # who; which; the lease; the part; the lease back


def test_however_many_uploads_there_are_they_share_one_allowance_of_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number, expected in (
        (0, KIB * KIB),
        (1, KIB * KIB),
        (8, KIB * KIB),
        (64, 128 * KIB),
        (5000, 32 * KIB),
    ):
        monkeypatch.setattr(service, "_WRITERS", range(number))
        assert service._piece_bytes() == expected


def test_the_hash_of_the_whole_is_what_the_receipt_tells(team: Team, tus: Tus) -> None:
    file = large_file(300 * KIB)
    package = team.sent(file)
    path = tus.begin(file, package.id)
    for at in range(0, len(file.content), 100 * KIB):
        tus.append(path, at, file.content[at : at + 100 * KIB])
    receipt = team.phone.receipt(package.id)
    assert receipt is not None
    assert sha256_of(file.content) in str(receipt)
