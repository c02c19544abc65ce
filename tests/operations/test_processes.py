"""Starting, stopping and losing the service, with real processes on a data folder."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from app.db.embedded import EmbeddedPostgres, server_binary
from tests.support.processes import Installation

PASSWORD = "correct horse battery staple"
CREATE_ADMIN = (
    "admin", "create", "--login", "first", "--name", "陈安全", "--city-code", "330100", "--city-name", "安市",
    "--authority-name", "安市应急管理局", "--password-stdin",
)  # fmt: skip


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Installation]:
    """Nothing is there yet."""
    made = Installation(tmp_path)
    yield made
    made.stop_postgres()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation.migrated(tmp_path)
    yield made
    made.stop_postgres()


def is_alive(process: psutil.Process) -> bool:
    """A zombie only waits to be counted by its parent."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def still_alive(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Which of them do not end within that time. Their parent may count them whenever it likes."""
    deadline = time.monotonic() + seconds
    while (alive := [one for one in processes if is_alive(one)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive


def log_in(address: str) -> int:
    body = {"login": "first", "password": PASSWORD}
    return httpx.post(f"{address}/api/v1/session/login", json=body, timeout=20).status_code


def test_an_empty_folder_becomes_a_service_that_keeps_its_data_and_stops_cleanly(empty: Installation) -> None:
    with empty.serving("--with-worker") as served:
        created = empty.run(*CREATE_ADMIN, given=PASSWORD + "\n")
        assert created.returncode == 0, created.stderr
        assert log_in(served.address) == 201
        assert served.stop() == 0
        assert empty.postgres_processes() == []
        events = [json.loads(line) for line in served.log.read_text().splitlines()]
        assert any(event["event"] == "worker_stopped" for event in events)
    with empty.serving() as served_again:
        assert log_in(served_again.address) == 201
        assert served_again.stop() == 0
    assert empty.postgres_processes() == []


def test_after_kill_9_the_service_starts_again_on_the_running_database(installation: Installation) -> None:
    with installation.serving("--with-worker") as served:
        assert installation.run(*CREATE_ADMIN, given=PASSWORD + "\n").returncode == 0
        worker = psutil.Process(served.process.pid).children()
        served.kill()
        assert still_alive(worker, 40) == []
    with installation.serving() as served_again:
        assert log_in(served_again.address) == 201
        assert served_again.stop() == 0
    assert installation.postgres_processes() == []


def test_a_power_cut_that_kills_the_database_too_loses_nothing(installation: Installation) -> None:
    with installation.serving() as served:
        assert installation.run(*CREATE_ADMIN, given=PASSWORD + "\n").returncode == 0
        served.kill()
        for postmaster in installation.postgres_processes():
            with suppress(
                psutil.NoSuchProcess
            ):  # a postmaster that sees one child die ends the others itself
                for process in (postmaster, *postmaster.children()):
                    process.kill()
    with installation.serving() as served_again:
        assert log_in(served_again.address) == 201
        assert served_again.stop() == 0


@pytest.mark.parametrize("whole", [False, True], ids=["the postmaster alone", "all its processes"])
def test_a_database_server_that_dies_comes_back_under_the_running_service(
    installation: Installation, whole: bool
) -> None:
    with installation.serving("--with-worker") as served:
        assert installation.run(*CREATE_ADMIN, given=PASSWORD + "\n").returncode == 0
        (postmaster,) = [one for one in installation.postgres_processes() if "-D" in one.cmdline()]
        children = postmaster.children() if whole else []
        for process in (postmaster, *children):
            process.kill()
        assert still_alive([postmaster, *children], 40) == []
        served.wait_until_ready()
        assert log_in(served.address) == 201
        assert served.stop() == 0
    assert installation.postgres_processes() == []
    log = served.log.read_text()
    assert "postgres_is_back" in log


def test_two_api_processes_serve_count_and_stop_together(installation: Installation) -> None:
    installation.environment["ANSHAO_WORKERS"] = "2"
    with installation.serving() as served:
        children = psutil.Process(served.process.pid).children(recursive=True)
        for _ in range(20):
            httpx.get(
                f"{served.address}/version", timeout=20
            )  # a new connection each time: either may answer
        counted = httpx.get(f"{served.address}/metrics", timeout=20).text
        assert 'anshao_requests_total{method="GET",route="/version",status="200"} 20.0' in counted
        assert served.stop() == 0
        assert still_alive(children, 20) == []
    assert installation.postgres_processes() == []


@pytest.fixture
def somebody_elses_server(installation: Installation) -> Iterator[int]:
    """A real PostgreSQL of another installation that runs on our data folder; its process id."""
    own = EmbeddedPostgres(installation.folder / "data")
    own.start()
    own.stop()
    folder, other = installation.folder / "data" / "postgres", installation.folder / "elsewhere"
    shutil.copytree(server_binary().parents[1], other)
    start = [
        other / "bin" / "pg_ctl",
        "-D",
        folder,
        "-o",
        f"-h '' -k {folder}",
        "-l",
        folder / "other.log",
        "-w",
    ]
    user = folder.owner() if os.geteuid() == 0 else None
    subprocess.run([*start, "start"], user=user, check=True, capture_output=True, timeout=60)
    yield int((folder / "postmaster.pid").read_text().split("\n", 1)[0])
    stop = [other / "bin" / "pg_ctl", "-D", folder, "-m", "fast", "-w", "stop"]
    subprocess.run(stop, user=user, check=True, capture_output=True, timeout=60)


def test_a_data_folder_used_by_another_server_is_refused_with_a_reason(
    installation: Installation, somebody_elses_server: int
) -> None:
    for command in (("migrate",), ("worker",)):
        refused = installation.run(*command)
        assert refused.returncode == 1
        assert "Traceback" not in refused.stderr
        assert str(somebody_elses_server) in refused.stderr
        assert str(installation.folder / "elsewhere") in refused.stderr
        assert "数据目录" in refused.stderr
        assert is_alive(psutil.Process(somebody_elses_server))


def test_a_data_folder_with_a_space_is_refused_with_a_reason(empty: Installation) -> None:
    refused = empty.run("migrate", ANSHAO_DATA_DIR=str(empty.folder / "with space"))
    assert refused.returncode == 1
    assert "space" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A service with its worker, for tests that only run commands beside it."""
    made = Installation.migrated(tmp_path_factory.mktemp("running"))
    with made.serving("--with-worker") as served:
        yield made
        assert served.stop() == 0
    assert made.postgres_processes() == []


def test_there_is_one_first_administrator_with_a_long_password(running: Installation) -> None:
    short = running.run(*CREATE_ADMIN, given="short\n")
    assert (short.returncode, "12" in short.stderr) == (1, True)
    assert running.run(*CREATE_ADMIN, given=PASSWORD + "\n").returncode == 0
    again = running.run(*CREATE_ADMIN, given=PASSWORD + "\n")
    assert again.returncode == 1
    assert "Traceback" not in again.stderr


def test_the_audit_log_is_verified_beside_the_running_service(running: Installation) -> None:
    """A second process attaches to the same embedded database."""
    sound = running.run("verify", "audit")
    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert "the audit log is sound" in sound.stdout


def test_migrating_a_current_database_beside_a_running_service_changes_nothing(running: Installation) -> None:
    assert re.search(r"schema: \w+", running.run("migrate").stdout)


def test_a_rotated_key_signs_and_the_old_one_stays(running: Installation) -> None:
    folder = running.folder / "data" / "keys" / "receipts"
    before = set(folder.iterdir())
    rotated = running.run("keys", "rotate", "receipts")
    assert rotated.returncode == 0
    assert set(folder.iterdir()) > before
    assert running.run("keys", "rotate", "nonsense").returncode == 1
