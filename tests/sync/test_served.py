"""Streams over real sockets: the worker's relay, a client without a proxy, a server that is told to stop meanwhile; a thousand."""

import json
import resource
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import psutil
import pytest

from anshao_phone import Device
from app.config import Settings
from app.jobs.relay import keep_epoch
from tests.factories.field import Field
from tests.factories.sending import Sending
from tests.faults.test_kills import wait_for
from tests.support.postgres import cloned_database
from tests.support.served import Target
from tests.sync.test_pull import registered

FEW = 256
OWN_FILES = 512
"""What this process has open beside a thousand sockets."""


def test_an_open_stream_tells_what_the_worker_positions_and_does_not_hold_up_the_server_that_stops(
    tmp_path: Path, database_cluster: str
) -> None:
    with cloned_database(database_cluster) as address:
        target = Target(tmp_path, address)
        target.in_database(keep_epoch)  # or the worker's first start would begin a new epoch at some moment
        with closing(target.client), target.serving("--with-worker") as served:
            world = target.world()
            field = Field(world)
            phone = field.phone(world.person("inspector", region=world.town).user_id)
            manager = world.person("case_officer")
            cursor = phone.request("GET", "/sync/enterprises/pull").json()["checkpoint"]["cursor"]
            headers = {"Authorization": f"Bearer {phone.access_token}", "Last-Event-ID": cursor}
            path = f"{served.address}/mobile/v1/sync/enterprises/stream"
            with httpx.stream("GET", path, headers=headers, timeout=60) as answer:
                assert answer.status_code == 200
                made = registered(manager, world, "新企业")
                lines = answer.iter_lines()
                data = next(line for line in lines if line.startswith("data:"))
                told = [one["id"] for one in json.loads(data.removeprefix("data:"))["documents"]]
                assert made["id"] in told
                assert served.stop() == 0
            assert "graceful shutdown exceeded" not in served.log.read_text()


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process may have a thousand sockets open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = Settings(_env_file=None).sync_streams + OWN_FILES
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"this machine lets a process have {hard} files open, {needed} are needed")
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Stream:
    """One stream held open by a bare socket."""

    def __init__(self, port: int, phone: Device) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.sendall(
            f"GET /mobile/v1/sync/enterprises/stream HTTP/1.1\r\nHost: phone\r\n"
            f"Authorization: Bearer {phone.access_token}\r\n\r\n".encode()
        )

    def read_until(self, end: bytes) -> bytes:
        """What the service sends, until this has come."""
        told = b""
        while end not in told:
            piece = self._socket.recv(4096)
            assert piece, told
            told += piece
        return told

    def close(self) -> None:
        self._socket.close()


def opened(port: int, phones: Sequence[Device], many: int, held: ExitStack) -> list[Stream]:
    """So many streams of these phones, fifty on their way at a time, each of which has told its first event."""
    streams: list[Stream] = []
    for first in range(0, many, 50):
        some = [
            held.enter_context(closing(Stream(port, phones[number % len(phones)])))
            for number in range(first, min(first + 50, many))
        ]
        for one in some:
            assert b"HTTP/1.1 200" in one.read_until(b"event: RESYNC\ndata: RESYNC\n\n")
        streams += some
    return streams


def is_let_in(port: int, phone: Device) -> bool:
    with closing(Stream(port, phone)) as stream:
        return b" 200 " in stream.read_until(b"\r\n\r\n").partition(b"\r\n")[0]


@pytest.mark.usefixtures("many_files")
def test_a_thousand_streams_over_sockets_leave_room_for_packages_and_the_next_one_is_refused(
    tmp_path: Path, database_cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the service starts by default, by one who is allowed 256 open files until he asks for more."""
    most = Settings(_env_file=None).sync_streams
    assert most == 1000
    with cloned_database(database_cluster) as address, ExitStack() as held:
        target = Target(tmp_path, address)
        serve = target.installation._command
        limited = ["sh", "-c", f'ulimit -Sn {FEW} && exec "$@"', "sh"]
        monkeypatch.setattr(target.installation, "_command", lambda *words: [*limited, *serve(*words)])
        target.installation.environment["ANSHAO_SYNC_STREAMS_PER_DEVICE"] = str(most // 4)
        with closing(target.client), target.serving() as served:
            sending = Sending(target.world())
            world, field = sending.world, sending.field
            officers = [world.person("inspector", region=world.town).user_id for _ in range(2)]
            phones = [field.phone(officer) for officer in officers for _ in range(2)]
            port = target.installation.port
            streams = opened(port, phones, most, held)
            assert psutil.Process(served.process.pid).num_fds() > most
            stranger = sending.phone
            refused = stranger.request("GET", "/sync/enterprises/stream")
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
            package = sending.sealed()
            assert stranger.put_package(package).status_code == 201
            assert stranger.receipt(package.id) is not None
            streams[0].close()
            wait_for(lambda: is_let_in(port, stranger))
