"""Backups that are really put back, in each way there is: the service notices by itself, and a phone's old cursors end with 410."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from anshao_phone import Device
from app.config import Settings
from app.db.embedded import EmbeddedPostgres, server_binary
from app.jobs.relay import feed_state, keep_epoch
from app.services.runtime import open_runtime
from app.serving import bring_up_to_date
from tests.factories.field import Field
from tests.support.postgres import cloned_database, copy_migrated
from tests.support.served import Target


@pytest.fixture
def empty_database(database_cluster: str) -> Iterator[str]:
    """The address of a database without a table."""
    name = f"restored_{uuid4().hex}"
    with psycopg.connect(database_cluster, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    yield database_cluster.replace("/postgres?", f"/{name}?")
    with psycopg.connect(database_cluster, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def postgres_tool(name: str, *arguments: str) -> None:
    """One of PostgreSQL's own programs, as an administrator runs it."""
    program = server_binary().with_name(name)
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def pulled(phone: Device, cursor: str | None = None) -> tuple[int, str]:
    """The status of a pull, and the cursor it gave or the code it was refused with."""
    answer = phone.request("GET", "/sync/enterprises/pull", params={"cursor": cursor} if cursor else {})
    told = answer.json()
    return answer.status_code, told["checkpoint"]["cursor"] if answer.status_code == 200 else told["code"]


def pulled_on(target: Target, phone: Device, *cursors: str) -> tuple[list[tuple[int, str]], str]:
    """Start the service on its database and pull: by each of the cursors, and from the beginning."""
    with target.serving() as served:
        told = [pulled(phone, cursor) for cursor in cursors]
        status, fresh = pulled(phone)
        assert status == 200
        assert pulled(phone, fresh)[0] == 200
        served.stop()
    return told, fresh


GONE = (410, "resync_required")


def test_a_dump_that_is_restored_begins_a_new_epoch_in_another_database_and_over_the_same_one(
    database_cluster: str, empty_database: str, tmp_path: Path
) -> None:
    """By pg_dump and pg_restore: into a new database, and later with --clean into the very one that is there."""
    dump = str(tmp_path / "backup.dump")
    with cloned_database(database_cluster) as address:
        original = Target(tmp_path, address)
        original.in_database(keep_epoch)
        with closing(original.client):
            world = original.world()
            field = Field(world)
            phone = field.phone(world.person("inspector", region=world.town).user_id)
            _, cursor = pulled_on(original, phone)
            postgres_tool("pg_dump", "--format=custom", "--file", dump, address)
    restored = Target(tmp_path, empty_database)
    with closing(restored.client):
        phone.http = restored.client
        postgres_tool("pg_restore", "--dbname", empty_database, dump)
        (told,), fresh = pulled_on(restored, phone, cursor)
        assert told == GONE
        postgres_tool("pg_restore", "--clean", "--if-exists", "--dbname", empty_database, dump)
        told, _ = pulled_on(restored, phone, cursor, fresh)
        assert told == [GONE, GONE]


def epoch_at_start(data: Path) -> UUID:
    """What `anshao serve` finds or begins on a data folder."""
    embedded, settings = EmbeddedPostgres(data), Settings(_env_file=None, data_dir=data)

    async def find() -> UUID:
        async with open_runtime(settings) as runtime, runtime.database.read() as session:
            return (await feed_state(session)).epoch

    address = embedded.start()
    try:
        bring_up_to_date(settings, address)
        return asyncio.run(find())
    finally:
        embedded.stop()


def test_a_data_folder_put_back_from_a_copy_begins_a_new_epoch(tmp_path: Path) -> None:
    """Everything in it is as it was; that it lies there anew is what tells. A start on the same files is none."""
    data, backup = tmp_path / "data", tmp_path / "backup"
    copy_migrated(data)
    first = epoch_at_start(data)
    subprocess.run(["cp", "-a", str(data), str(backup)], check=True)
    assert epoch_at_start(data) == first
    shutil.rmtree(data)
    subprocess.run(["cp", "-a", str(backup), str(data)], check=True)
    second = epoch_at_start(data)
    assert second != first
    assert epoch_at_start(data) == second
