"""Uploads against real processes: slow phones, phones that vanish, two at once, kill -9. Nothing told to a phone is ever lost."""

import random
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from anshao_phone import Photo, sha256_of
from app.storage.store import original_key
from tests.evidence.conftest import Team
from tests.evidence.uploading import Draft, Tus, code_of, large_file
from tests.factories.field import Field, photo
from tests.faults import proxy as proxy_module
from tests.faults.proxy import CHUNK_BYTES, Fault, Proxy
from tests.faults.test_kills import wait_for
from tests.support.postgres import cloned_database
from tests.support.served import Target

KIB, MIB = 1024, 1024 * 1024


@pytest.fixture(scope="module")
def target(database_cluster: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Two processes that share a folder and a database, three connections each."""
    with cloned_database(database_cluster) as address:
        made = Target(tmp_path_factory.mktemp("uploads"), address)
        made.installation.environment |= {"ANSHAO_WORKERS": "2", "ANSHAO_POOL_SIZE": "3"}
        with made.serving():
            yield made
        made.client.close()


def team_of(target: Target) -> Team:
    world = target.world()
    field = Field(world)
    officers = (world.person("inspector", region=world.town), world.person("inspector", region=world.town))
    return Team(world, field, officers, field.phone(officers[0].user_id))


class SlowPatch:
    """A PATCH of tus whose bytes come when the test says so."""

    def __init__(self, target: Target, tus: Tus, path: str, offset: int, length: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", target.installation.port), timeout=60)
        self._socket.sendall(
            f"PATCH /mobile/v1{path} HTTP/1.1\r\nHost: phone\r\nAuthorization: Bearer {tus.phone.access_token}\r\n"
            f"Tus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\nContent-Length: {length}\r\n"
            "Content-Type: application/offset+octet-stream\r\n\r\n".encode()
        )

    def send(self, content: bytes) -> None:
        self._socket.sendall(content)

    def status(self) -> int:
        """The status of the answer, which must come."""
        line = self._socket.makefile("rb").readline()
        return int(line.split()[1])

    def close(self) -> None:
        self._socket.close()


def stored(target: Target, file: Photo) -> bytes:
    return (target.data / "objects" / original_key(sha256_of(file.content))).read_bytes()


def test_while_one_request_appends_others_are_refused_at_once_and_nothing_else_waits(target: Target) -> None:
    team = team_of(target)
    tus, file, other = Tus(team.phone), large_file(900 * KIB), photo()
    package = team.sent(file, other)
    path = tus.begin(file, package.id)
    slow = SlowPatch(target, tus, path, 0, len(file.content))
    slow.send(file.content[: 100 * KIB])
    time.sleep(2.5)
    slow.send(file.content[100 * KIB : 200 * KIB])
    wait_for(lambda: tus.offset(path) > 0)
    for round in range(6):  # whichever process it comes to
        with httpx.Client(base_url=str(target.client.base_url), timeout=20) as fresh:
            headers = {"Authorization": f"Bearer {team.phone.access_token}", "Tus-Resumable": "1.0.0"}
            chunk = {
                "Content-Type": "application/offset+octet-stream",
                "Upload-Offset": str(tus.offset(path)),
            }
            answer = fresh.patch(f"/mobile/v1{path}", content=file.content[:10], headers=headers | chunk)
            assert answer.status_code in (409, 423), answer.text
            assert fresh.get("/readyz").status_code == 200
        slow.send(file.content[(200 + round) * KIB : (201 + round) * KIB])  # it is alive
    assert team.phone.put_photo(package, other).status_code == 201
    slow.send(file.content[206 * KIB :])
    assert slow.status() == 204
    slow.close()
    assert stored(target, file) == file.content


def test_of_many_requests_at_the_same_moment_one_wins(target: Target) -> None:
    team = team_of(target)
    tus = Tus(team.phone)
    for _ in range(4):
        file = large_file(300 * KIB)
        path = tus.begin(file, team.sent(file).id)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: tus.append(path, 0, file.content), range(8)))  # noqa: B023
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses[0] == 204
        assert set(statuses[1:]) <= {409, 423}
        assert stored(target, file) == file.content


def test_many_creations_at_the_same_moment_are_one_upload(target: Target) -> None:
    team = team_of(target)
    tus, file = Tus(team.phone), large_file(1000)
    package = team.sent(file)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: tus.create(file, package.id), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.headers["location"] for answer in answers}) == 1


def test_a_phone_that_vanished_blocks_itself_for_seconds_only(target: Target) -> None:
    """Its connection is still open for the server; the phone has long since another one."""
    team = team_of(target)
    tus, file = Tus(team.phone), large_file(500 * KIB)
    path = tus.begin(file, team.sent(file).id)
    vanished = SlowPatch(target, tus, path, 0, len(file.content))
    vanished.send(file.content[: 300 * KIB])
    wait_for(lambda: tus.offset(path) == 300 * KIB)  # what it had sent is made durable without more coming
    assert code_of(tus.append(path, 300 * KIB, file.content[300 * KIB :])) == (423, "upload_busy")
    taken_over = wait_for(lambda: tus.append(path, 300 * KIB, file.content[300 * KIB :]).status_code == 204)
    assert taken_over
    vanished.close()
    assert stored(target, file) == file.content


def test_the_drafts_question_for_the_offset_cuts_off_the_request_before(target: Target) -> None:
    """The offset told is accepted at once, whatever the older request still brings."""
    team = team_of(target)
    tus, draft, file = Tus(team.phone), Draft(team.phone), large_file(500 * KIB)
    path = tus.begin(file, team.sent(file).id)
    older = SlowPatch(target, tus, path, 0, len(file.content))
    older.send(file.content[: 100 * KIB])
    wait_for(lambda: tus.offset(path) > 0)
    offset = int(draft.head(path).headers["upload-offset"])
    answer = draft.append(path, offset, file.content[offset : 400 * KIB], "?0")
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(400 * KIB))
    older.send(file.content[100 * KIB :])
    assert older.status() == 409
    older.close()
    assert tus.offset(path) == 400 * KIB
    assert draft.append(path, 400 * KIB, file.content[400 * KIB :], "?1").status_code == 200
    assert stored(target, file) == file.content


def test_forty_slow_phones_hold_no_database_connection(target: Target) -> None:
    team = team_of(target)
    tus, files = Tus(team.phone), [large_file(50 * KIB) for _ in range(40)]
    package = team.sent(*files, photo())
    slow = [SlowPatch(target, tus, tus.begin(file, package.id), 0, len(file.content)) for file in files]
    for one, file in zip(slow, files, strict=True):
        one.send(file.content[: 20 * KIB])
    open_ones = "SELECT count(*) FROM evidence_uploads WHERE package_id = %s AND received > 0"
    wait_for(lambda: target.query(open_ones, package.id)[0][0] == 40)
    in_transaction = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"
    for _ in range(5):
        assert target.query(in_transaction)[0][0] == 0
        assert team.phone.request("GET", f"/packages/{package.id}").status_code == 200
    for one, file in zip(slow, files, strict=True):
        one.send(file.content[20 * KIB :])
    assert {one.status() for one in slow} == {204}
    for one in slow:
        one.close()


def test_a_client_that_disconnects_leaves_what_it_sent(target: Target) -> None:
    team = team_of(target)
    tus, file = Tus(team.phone), large_file(500 * KIB)
    path = tus.begin(file, team.sent(file).id)
    cut = SlowPatch(target, tus, path, 0, len(file.content))
    cut.send(file.content[: 200 * KIB])
    time.sleep(0.5)
    cut.close()
    wait_for(lambda: tus.offset(path) == 200 * KIB)
    answer = wait_for(lambda: _unless_busy(tus.append(path, 200 * KIB, file.content[200 * KIB :])))
    assert answer.status_code == 204
    assert stored(target, file) == file.content


@pytest.mark.parametrize("is_forgetful", [False, True])
def test_the_fault_runs_ledger_knows_a_phone_that_begins_anew_from_one_that_goes_on(
    target: Target, is_forgetful: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of "bytes resent": the same file in the same uploads, resume broken; or sound."""
    team = team_of(target)
    file = large_file(4 * CHUNK_BYTES)
    package_id = team.sent(file).id
    proxy = Proxy(target.installation.port, 1, 11, 0.0)
    proxy.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{proxy.ports[0]}", timeout=10) as http:
            monkeypatch.setattr(team.phone, "http", http)
            tus = Tus(team.phone)
            path = tus.begin(file, package_id)
            send_on(tus, path, file, 0, 3)
            monkeypatch.setattr(proxy_module, "WEIGHTS", {Fault.CUT_REQUEST: 1})
            proxy.rate = 1.0
            with pytest.raises(httpx.TransportError):
                send_on(tus, path, file, 3, 4)
            proxy.rate = 0.0
            if is_forgetful:
                assert wait_for(lambda: tus.end(path).status_code in (204, 404))
                path = tus.begin(file, package_id)
            wait_for(lambda: went_on(tus, path, file))
        assert stored(target, file) == file.content
    finally:
        proxy.stop()
    ledger = proxy.ledger
    assert ledger.payload() == len(file.content)
    assert ledger.interrupted()
    assert bool(ledger.overdrawn()) is is_forgetful
    assert bool(ledger.sent_in_vain()) is is_forgetful


def went_on(tus: Tus, path: str, file: Photo) -> bool:
    """What is left, from where the service says; False while it still holds the place for a request that was cut."""
    start = tus.offset(path)
    try:
        return bool(tus.append(path, start, file.content[start:]).status_code == 204)
    except httpx.TransportError:  # refused before it was read to its end
        return False


def send_on(tus: Tus, path: str, file: Photo, first: int, end: int) -> None:
    """These pieces of the file, each acknowledged."""
    for start in range(first * CHUNK_BYTES, end * CHUNK_BYTES, CHUNK_BYTES):
        answer = tus.append(path, start, file.content[start : start + CHUNK_BYTES])
        assert answer.status_code == 204


def _unless_busy(answer: Any) -> Any:
    return None if answer.status_code == 423 else answer


@pytest.fixture
def mortal(database_cluster: str, tmp_path: Path) -> Iterator[Target]:
    """An installation of one process, to be killed."""
    with cloned_database(database_cluster) as address:
        made = Target(tmp_path, address)
        made.data.mkdir(parents=True)
        yield made
        made.client.close()


def test_after_kill_9_the_offset_told_is_durable_and_never_less_than_was_told_before(mortal: Target) -> None:
    chance = random.Random(9)
    with mortal.serving():
        team = team_of(mortal)
        tus, file = Tus(team.phone), large_file(3 * MIB)
        path = tus.begin(file, team.sent(file).id)
    told = 0
    for _ in range(3):
        with mortal.serving() as served:
            start = tus.offset(path)
            assert start >= told, "bytes that were told of are gone"
            slow = SlowPatch(mortal, tus, path, start, len(file.content) - start)
            for at in range(start, start + 900 * KIB, 30 * KIB):
                slow.send(file.content[at : at + 30 * KIB])
                time.sleep(chance.uniform(0.05, 0.15))
            told = tus.offset(path)
            served.kill()
            slow.close()
        counted = mortal.query("SELECT start, size, storage_key FROM evidence_upload_parts ORDER BY start")
        at = 0
        for start, size, key in counted:
            assert start == at
            assert (mortal.data / "objects" / key).read_bytes() == file.content[at : at + size]
            at += size
        assert at >= told
    assert told > 0
    with mortal.serving():
        start = tus.offset(path)
        answer = wait_for(lambda: _unless_busy(tus.append(path, start, file.content[start:])))
        assert answer.status_code == 204
        assert stored(mortal, file) == file.content
        assert team.phone.receipt(team_package(mortal, file)) is not None


def team_package(target: Target, file: Photo) -> Any:
    return target.query("SELECT package_id FROM evidence_files WHERE id = %s", file.id)[0][0]
