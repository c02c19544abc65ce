"""Making the engine, and refusing a server that could lose what it has acknowledged."""

from collections.abc import Coroutine
from typing import Any

import orjson
import psycopg
from sqlalchemy import URL, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

OLDEST_VERSION = 150_000
PREPARED_AFTER = 3
SAFE_SETTINGS = ("fsync", "full_page_writes", "synchronous_commit")


class UnsafeServer(RuntimeError):
    """The PostgreSQL server is too old, or set so that a power cut loses acknowledged data."""


class SettledConnection(psycopg.AsyncConnection[Any]):
    """Changes its modes (autocommit, isolation, read only) in one go, as it can: no statement is sent for them.

    psycopg lets others have the event loop in between when they have had to wait for it (psycopg.waiting.MAX_BUSY_TIME). Whoever
    is cancelled there has a connection that SQLAlchemy has handed out but holds nowhere yet, and that the collector finds some
    day; or one that goes back to the pool in a mode that nobody undoes.
    """

    async def set_autocommit(self, value: bool) -> None:
        """Whether each statement is its own transaction."""
        _at_once(super().set_autocommit(value))

    async def set_isolation_level(self, value: psycopg.IsolationLevel | None) -> None:
        """Of the transactions that begin from now on."""
        _at_once(super().set_isolation_level(value))

    async def set_read_only(self, value: bool | None) -> None:
        """Whether the transactions that begin from now on may write."""
        _at_once(super().set_read_only(value))


def _at_once(work: Coroutine[Any, Any, None]) -> None:
    """Take a coroutine that waits for nobody to its end; raises RuntimeError where it does wait."""
    try:
        while work.send(None) is None:
            pass
    except StopIteration:
        return
    work.close()
    raise RuntimeError("somebody else is using this connection")


def psycopg_url(address: str) -> URL:
    """Any postgresql:// address as the one dialect used here."""
    return make_url(address).set(drivername="postgresql+psycopg")


def _to_json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def make_engine(url: URL, *, pool_size: int, overflow: int, prepares: bool = False) -> AsyncEngine:
    """An engine without session state, so that PgBouncer may stand between.

    `prepares`: a statement sent again is prepared, which PostgreSQL then need not plan anew (PgBouncer from 1.22 on carries
    that; behind an older one it must be off).
    """
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=overflow,
        pool_pre_ping=False,
        hide_parameters=True,  # statements are logged, what was written in them is not
        pool_recycle=1800,
        json_serializer=_to_json,
        json_deserializer=orjson.loads,
        connect_args={
            "async_creator_fn": SettledConnection.connect,
            "prepare_threshold": PREPARED_AFTER if prepares else None,
            "application_name": "anshao",
            "options": "-c timezone=UTC -c standard_conforming_strings=on "  # off, lists of bytes would be stored otherwise
            "-c idle_in_transaction_session_timeout=60000 -c lock_timeout=15000",
        },
    )


async def check_server(engine: AsyncEngine) -> None:
    """Raise UnsafeServer unless the server is PostgreSQL 15 or later and loses nothing at a power cut."""
    async with engine.connect() as connection:
        names = ", ".join(f"current_setting('{name}')" for name in SAFE_SETTINGS)
        row = (
            await connection.execute(text(f"SELECT current_setting('server_version_num')::int, {names}"))
        ).one()
    refuse_unsafe(row[0], dict(zip(SAFE_SETTINGS, row[1:], strict=True)))


def refuse_unsafe(version: int, settings: dict[str, str]) -> None:
    """Judge what a server says of itself. `synchronous_commit` may be on, remote_write, remote_apply; not local or off."""
    if version < OLDEST_VERSION:
        raise UnsafeServer(
            f"PostgreSQL {version} is too old; 15 or later is needed / 数据库版本过低，需要 PostgreSQL 15 及以上"
        )
    off = [name for name in SAFE_SETTINGS if settings[name] in ("off", "local")]
    if off:
        raise UnsafeServer(
            f"PostgreSQL runs with {', '.join(off)} off: a power cut would lose acknowledged evidence. "
            f"Switch it on and start again / 数据库参数 {'、'.join(off)} 被关闭，断电会丢失已确认的证据，请开启后重试"
        )
