"""The embedded PostgreSQL takes its time when it must, and says why when it cannot start."""

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from app.db import embedded
from app.db.embedded import EmbeddedPostgres, EmbeddedRefused


class SlowWheel:
    """The real wheel, but for the first starts, which end as they do on a machine that is too busy."""

    def __init__(self, wheel: Any, failures: list[Exception]) -> None:
        self._wheel = wheel
        self.failures = failures
        self.utils = wheel.utils

    def get_server(self, folder: Path, **options: Any) -> Any:
        server = self._wheel.get_server(folder, **options)
        real_start = server.start

        def start() -> None:
            real_start()
            if self.failures:
                raise self.failures.pop(0)

        server.start = start
        return server


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    EmbeddedPostgres(tmp_path).stop()


def test_a_server_that_is_slow_to_start_is_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = FileNotFoundError("log")
    hidden.__context__ = subprocess.TimeoutExpired("pg_ctl", 10)
    wheel = SlowWheel(
        embedded._library(), [hidden, AssertionError(), subprocess.TimeoutExpired("pg_ctl", 10)]
    )
    monkeypatch.setattr(embedded, "_library", lambda: wheel)
    server = EmbeddedPostgres(folder)
    try:
        with psycopg.connect(server.start("postgres")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert wheel.failures == []
    finally:
        server.stop()


def test_a_server_that_cannot_start_is_refused_with_the_place_of_its_log(folder: Path) -> None:
    first = EmbeddedPostgres(folder)
    first.start("postgres")
    first.stop()
    with (folder / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write("\nno_such_setting = on\n")
    with pytest.raises(EmbeddedRefused, match="log"):
        EmbeddedPostgres(folder).start("postgres")
    assert "no_such_setting" in (folder / "postgres" / "log").read_text()


def test_a_server_that_died_is_started_again_however_the_starts_before_have_failed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk the wheel's own files are cut short as well."""
    server = EmbeddedPostgres(folder)
    address = server.start("postgres")
    failures = [OSError(28, "No space left on device"), ValueError("half a list"), RuntimeError("no socket")]
    wheel = SlowWheel(embedded._library(), failures)
    monkeypatch.setattr(embedded, "_library", lambda: wheel)
    monkeypatch.setattr(embedded, "LOOK_SECONDS", 0.1)
    try:
        postmaster = psutil.Process(
            int((folder / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
        )
        for process in (postmaster, *postmaster.children()):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        deadline = time.monotonic() + 60
        while failures and time.monotonic() < deadline:
            time.sleep(0.1)
        assert failures == []
        assert answers(address), (folder / "postgres" / "log").read_text()
    finally:
        server.stop()


def answers(address: str) -> bool:
    """Within a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(psycopg.OperationalError), psycopg.connect(address) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
        time.sleep(0.1)
    return False


@pytest.fixture
def unreaped() -> Iterator[None]:
    """Servers that end stay zombies, as in a container whose first process reaps nobody."""
    set_child_subreaper, libc = 36, ctypes.CDLL(None)
    assert libc.prctl(set_child_subreaper, 1, 0, 0, 0) == 0
    yield
    libc.prctl(set_child_subreaper, 0, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="zombies are kept by a call of Linux")
def test_a_killed_server_that_nobody_reaped_is_not_in_the_way(folder: Path, unreaped: None) -> None:
    server = EmbeddedPostgres(folder)
    address = server.start("postgres")
    killed = psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0]))
    killed.kill()
    try:
        assert answers(address), (folder / "postgres" / "log").read_text()
        assert killed.status() == psutil.STATUS_ZOMBIE
    finally:
        server.stop()
        os.waitpid(killed.pid, 0)
