"""One embedded PostgreSQL for all test runs of this checkout, and a migrated template that is cloned per worker."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from app.db.embedded import EmbeddedPostgres
from app.db.migrate import MIGRATIONS, upgrade

LOCK = 7_241_002
ROOT = Path(__file__).resolve().parents[2]


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in sorted((MIGRATIONS / "versions").glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _at(address: str, database: str) -> str:
    return address.replace("/postgres?", f"/{database}?")


@contextmanager
def cluster() -> Iterator[str]:
    """The address of the test cluster's own `postgres` database."""
    name = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
    embedded = EmbeddedPostgres(Path(tempfile.gettempdir()) / f"anshao-tests-{name}")
    address = embedded.start("postgres")
    try:
        yield address
    finally:
        embedded.stop()


@contextmanager
def cloned_database(address: str) -> Iterator[str]:
    """A fresh migrated database, dropped afterwards; yields its address."""
    template, name = f"template_{_fingerprint()}", f"test_{uuid4().hex}"
    with psycopg.connect(address, autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (template,)).fetchone():
            unfinished = f"{template}_{uuid4().hex[:8]}"
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
            upgrade(_at(address, unfinished))
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            admin.execute(rename.format(sql.Identifier(unfinished), sql.Identifier(template)))
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        admin.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
    try:
        yield _at(address, name)
    finally:
        with psycopg.connect(address, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
