"""Bringing a database to the newest schema, and telling whether it is there."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool, text

from app.db.engine import psycopg_url

_PACKAGE = Path(__file__).resolve().parents[1]
MIGRATIONS = next(p for p in (_PACKAGE.parent / "migrations", _PACKAGE / "migrations") if p.is_dir())
"""Beside the package in a checkout and in the image, inside it in a wheel."""

LOCK = 7_241_001


def _config(address: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["address"] = address
    return config


def upgrade(address: str) -> None:
    """Run every missing migration, one process at a time (advisory lock)."""
    engine = create_engine(psycopg_url(address), poolclass=pool.NullPool)
    try:
        with engine.connect() as guard:
            guard.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            command.upgrade(_config(address), "head")
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
