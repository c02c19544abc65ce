"""A PostgreSQL that could lose acknowledged evidence at a power cut is refused at start."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.db.embedded import EmbeddedPostgres
from app.db.engine import UnsafeServer, refuse_unsafe
from tests.support.processes import Installation

SAFE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


@pytest.mark.parametrize(
    ("version", "changed"),
    [
        (140_012, {}),
        (180_000, {"fsync": "off"}),
        (180_000, {"full_page_writes": "off"}),
        (180_000, {"synchronous_commit": "off"}),
        (180_000, {"synchronous_commit": "local"}),
    ],
)
def test_an_old_or_careless_server_is_refused(version: int, changed: dict[str, str]) -> None:
    with pytest.raises(UnsafeServer) as refused:
        refuse_unsafe(version, SAFE | changed)
    assert all(name in str(refused.value) for name in changed)


@pytest.mark.parametrize("synchronous_commit", ["on", "remote_write", "remote_apply"])
def test_a_careful_server_is_accepted(synchronous_commit: str) -> None:
    refuse_unsafe(150_000, SAFE | {"synchronous_commit": synchronous_commit})


@pytest.fixture
def careless_server(tmp_path: Path) -> Iterator[str]:
    """A real PostgreSQL with fsync switched off."""
    server = EmbeddedPostgres(tmp_path)
    address = server.start("postgres")
    try:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield address
    finally:
        server.stop()


def test_a_running_server_with_fsync_off_is_refused(tmp_path: Path, careless_server: str) -> None:
    refused = Installation(tmp_path).run("worker", ANSHAO_DATABASE_URL=careless_server)
    assert refused.returncode == 1
    assert "fsync" in refused.stderr
    assert "Traceback" not in refused.stderr
