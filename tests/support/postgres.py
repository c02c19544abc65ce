"""The PostgreSQL of the tests: a data folder migrated once, copies of it, and a server in memory whose databases are cloned.

Its settings are the product's own; what makes it fast is the place, where nothing waits for a disk.
"""

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
from psycopg import sql

from app.db.embedded import EmbeddedPostgres
from app.db.migrate import MIGRATIONS, upgrade

ROOT = Path(__file__).resolve().parents[2]
NAME = f"anshao-tests-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}"
"""What belongs to this checkout, whose runs share it."""

DISK, MEMORY = Path(tempfile.gettempdir()), Path("/dev/shm")
ENOUGH_MEMORY = 4 << 30
DATABASE = "anshao"


@contextmanager
def cluster() -> Iterator[str]:
    """The address of a running server's own `postgres` database. The last run that leaves it removes it."""
    folder = _place() / f"{NAME}-{_schema()}"
    embedded = EmbeddedPostgres(folder)
    with _one_at_a_time():
        _remove_unused()
        if not folder.exists():
            _copy_template(folder)
        address = embedded.start("postgres")
    try:
        yield address
    finally:
        with _one_at_a_time():
            embedded.stop()
            _remove_unused()


@contextmanager
def cloned_database(address: str) -> Iterator[str]:
    """A fresh migrated database, dropped afterwards; yields its address."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(address, autocommit=True) as admin, _one_at_a_time():
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(DATABASE)))
    try:
        yield address.replace("/postgres?", f"/{name}?")
    finally:
        with psycopg.connect(address, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def copy_migrated(data_dir: Path) -> None:
    """Give an installation a stopped database of the newest schema that nobody has used yet."""
    with _one_at_a_time():
        _copy_template(data_dir)


@contextmanager
def fast_folder() -> Iterator[Path]:
    """A folder beside the server of a running `cluster`, removed afterwards."""
    folder = _place() / f"{NAME}-{_schema()}" / uuid4().hex
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@cache
def _place() -> Path:
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_MEMORY
    return MEMORY if has_room and psutil.virtual_memory().available > ENOUGH_MEMORY else DISK


@cache
def _schema() -> str:
    """Names the schema: a digest of the migrations."""
    digest = hashlib.sha256()
    for path in sorted((MIGRATIONS / "versions").glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (DISK / f"{NAME}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _copy_template(folder: Path) -> None:
    """Copy the migrated data folder, which is kept from run to run; owners and all, since PostgreSQL never runs as root."""
    templates = DISK / f"{NAME}-template"
    template = templates / _schema()
    if not template.exists():
        shutil.rmtree(templates, ignore_errors=True)
        unfinished = templates / "unfinished"
        embedded = EmbeddedPostgres(unfinished)
        upgrade(embedded.start(DATABASE))
        embedded.stop()
        unfinished.rename(template)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(template / "postgres"), str(folder)], check=True)


def _remove_unused() -> None:
    """The servers of runs that are over, however they ended."""
    for folder in _place().glob(f"{NAME}-????????????????"):
        with (folder / "postgres.users").open("a") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
        if (folder / "postgres" / "postmaster.pid").exists():
            left_over = EmbeddedPostgres(folder)
            left_over.start("postgres")
            left_over.stop()
        shutil.rmtree(folder)
