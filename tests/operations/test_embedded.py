"""The embedded PostgreSQL takes its time when it must, and says why when it cannot start."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
