"""The schema: one line of migrations, only forward, that arrives at the models and keeps the rows it meets."""

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import create_engine, pool

from app import models
from app.db import migrate
from app.db.base import Base
from app.db.engine import psycopg_url
from app.db.migrate import MIGRATIONS, TableInUse, upgrade
from tests.migrations.conftest import Migrating
from tests.migrations.sample_rows import fill_empty_tables, row_counts

SCRIPTS = ScriptDirectory(str(MIGRATIONS))
IN_ORDER = list(SCRIPTS.walk_revisions())[::-1]
MOVED = {"20261125_1910": {"case_clocks": "clocks"}}
"""Where the rows of a table went that a migration removes."""


def test_there_is_one_line_of_migrations() -> None:
    assert len(SCRIPTS.get_heads()) == 1
    assert len(SCRIPTS.get_bases()) == 1
    assert len(IN_ORDER) == len(list((MIGRATIONS / "versions").glob("*.py")))


def test_a_migration_that_finds_its_table_in_use_gives_up_with_a_sentence(
    database_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "200ms")
    with psycopg.connect(database_address) as somebody:
        somebody.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TableInUse, match="200ms"):
            upgrade(database_address)
    upgrade(database_address)


@pytest.mark.parametrize("script", IN_ORDER, ids=lambda script: script.revision)
def test_a_migration_goes_only_forward_and_bears_its_time(script: Script) -> None:
    assert script.path.rsplit("/", 1)[-1].startswith(f"{script.revision}_")
    assert script.down_revision is None or script.revision > str(script.down_revision)
    with pytest.raises(NotImplementedError, match="restore a backup"):
        script.module.downgrade()


def test_each_migration_keeps_the_rows_it_meets(migrating: Migrating) -> None:
    before: dict[str, int] = {}
    for script in IN_ORDER:
        migrating.to(script.revision)
        with migrating.begin() as connection:
            after = row_counts(connection)
            lost = {
                table
                for table, count in before.items()
                if after.get(MOVED.get(script.revision, {}).get(table, table), 0) < count
            }
            assert not lost, f"{script.revision} loses rows of {lost}"
            fill_empty_tables(connection)
            before = row_counts(connection)
    assert set(before) == set(Base.metadata.tables)
    assert all(before.values())


def test_the_migrated_schema_is_that_of_the_models(database_address: str) -> None:
    assert models.__all__
    engine = create_engine(psycopg_url(database_address), poolclass=pool.NullPool)
    with engine.connect() as connection:
        options = {
            "compare_server_default": True,
            "include_name": lambda name, kind, _: not (kind == "table" and name.startswith("procrastinate_")),
        }
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)
    assert differences == []
