"""Alembic's entry: runs on the address that app.db.migrate hands over, or on the one of the settings."""

from alembic import context
from sqlalchemy import create_engine, pool

from app import models
from app.config import Settings
from app.db import migrate
from app.db.base import Base
from app.db.engine import psycopg_url

assert models.__all__, "every table is imported before the metadata is compared"

JOB_TABLES = "procrastinate_"


def include_name(name: str | None, kind: str, parents: object) -> bool:
    """The job tables belong to procrastinate; they are no part of the model."""
    return not (kind == "table" and name is not None and name.startswith(JOB_TABLES))


def address() -> str:
    handed = context.config.attributes.get("address")
    if isinstance(handed, str):
        return handed
    url = Settings().database_url
    if url is None:
        raise SystemExit(
            "use `anshao migrate`, which knows the embedded database, or set ANSHAO_DATABASE_URL"
        )
    return url.get_secret_value()


options = {"options": f"-c lock_timeout={migrate.LOCK_TIMEOUT}"}
engine = create_engine(psycopg_url(address()), poolclass=pool.NullPool, connect_args=options)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=include_name,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
