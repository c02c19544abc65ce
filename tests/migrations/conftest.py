"""A database to migrate."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql


@pytest.fixture
def empty_database(database_cluster: str) -> Iterator[str]:
    """The address of a database without any table."""
    name = f"migrated_{uuid4().hex}"
    with psycopg.connect(database_cluster, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield database_cluster.replace("/postgres?", f"/{name}?")
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
