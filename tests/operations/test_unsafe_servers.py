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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real PostgreSQL of its own."""
    embedded = EmbeddedPostgres(tmp_path_factory.mktemp("server"))
    try:
        yield embedded.start("postgres")
    finally:
        embedded.stop()


@pytest.mark.parametrize("setting", sorted(SAFE))
def test_a_running_server_with_one_of_them_off_is_refused(tmp_path: Path, server: str, setting: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    refused = Installation(tmp_path).run("worker", ANSHAO_DATABASE_URL=server)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM RESET {setting}")
        connection.execute("SELECT pg_reload_conf()")
    assert refused.returncode == 1
    assert setting in refused.stderr
    assert "Traceback" not in refused.stderr
