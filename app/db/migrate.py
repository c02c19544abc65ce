"""Bringing a database to the newest schema, and telling whether it is there."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.errors import LockNotAvailable
from sqlalchemy import create_engine, pool, text
from sqlalchemy.exc import OperationalError

from app.db.engine import psycopg_url

_PACKAGE = Path(__file__).resolve().parents[1]
MIGRATIONS = next(p for p in (_PACKAGE.parent / "migrations", _PACKAGE / "migrations") if p.is_dir())
"""Beside the package in a checkout and in the image, inside it in a wheel."""

LOCK = 7_241_001
LOCK_TIMEOUT = "10s"


class TableInUse(RuntimeError):
    """A migration gave up waiting for a table that somebody uses; what was migrated before it stays, the rest is as it was."""

    def __str__(self) -> str:
        return (
            f"a table was in use for {LOCK_TIMEOUT}: stop the service or the long query, then run `anshao migrate` again "
            "/ 数据表正被占用，请停止服务或长查询后重新运行 anshao migrate"
        )


def _config(address: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["address"] = address
    return config


def upgrade(address: str) -> None:
    """Run every missing migration, one process at a time (advisory lock).

    A migration that waits for a table longer than LOCK_TIMEOUT fails and changes nothing: behind it, every request would wait.
    """
    engine = create_engine(psycopg_url(address), poolclass=pool.NullPool)
    try:
        with engine.connect() as guard:
            guard.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            try:
                command.upgrade(_config(address), "head")
            except OperationalError as error:
                if isinstance(error.orig, LockNotAvailable):
                    raise TableInUse from error
                raise
            guard.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
    finally:
        engine.dispose()


@cache
def newest_revision() -> str:
    """The newest schema revision this program knows."""
    script = ScriptDirectory(str(MIGRATIONS))
    newest = script.get_current_head()
    assert newest is not None
    return newest
