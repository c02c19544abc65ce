"""A database to migrate."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import Connection, create_engine, pool

from app.db.engine import psycopg_url
from app.db.migrate import MIGRATIONS
from tests.migrations.sample_rows import fill_empty_tables


class Migrating:
    """A database that begins without any table."""

    def __init__(self, address: str) -> None:
        self._config = Config()
        self._config.set_main_option("script_location", str(MIGRATIONS))
        self._config.attributes["address"] = address
        self._engine = create_engine(psycopg_url(address), poolclass=pool.NullPool)

    def to(self, revision: str) -> None:
        """Migrate up to a revision."""
        command.upgrade(self._config, revision)

    def fill(self, revision: str) -> None:
        """Migrate up to a revision, and put a row into every table that is empty there."""
        self.to(revision)
        with self.begin() as connection:
            fill_empty_tables(connection)

    def begin(self) -> AbstractContextManager[Connection]:
        """A transaction in it."""
        return self._engine.begin()


@pytest.fixture
def migrating(database_cluster: str) -> Iterator[Migrating]:
    """A database without any table."""
    name = f"migrated_{uuid4().hex}"
    with psycopg.connect(database_cluster, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield Migrating(database_cluster.replace("/postgres?", f"/{name}?"))
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
