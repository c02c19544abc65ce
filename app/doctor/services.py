"""What the program stands on: PostgreSQL and the object storage, by using them as the program does."""

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.config import Settings
from app.db.embedded import EmbeddedPostgres, EmbeddedRefused
from app.db.engine import UnsafeServer, check_server, make_engine, psycopg_url
from app.db.migrate import newest_revision
from app.doctor.finding import Finding
from app.services.determinations.holding import list_unusable
from app.storage.opening import StorageRefused, open_store
from app.storage.store import StorageUnavailable

WORDS = ("数据库", "PostgreSQL")
RESERVED_CONNECTIONS = 8
"""For the worker, the commands and whoever looks after the database."""
CLOCK_TOLERANCE_SECONDS = 2.0

_ASK = text(
    "SELECT current_setting('server_version'), current_setting('max_connections')::int, clock_timestamp(), "
    "to_regclass('alembic_version') IS NOT NULL"
)


async def check_database(settings: Settings) -> list[Finding]:
    """Reachable, safe, of this program's schema, with room for every process, its clock and ours agreeing."""
    embedded = None if settings.database_url else EmbeddedPostgres(settings.data_dir)
    try:
        if embedded is not None:
            address = embedded.start()
        else:
            assert settings.database_url is not None
            address = settings.database_url.get_secret_value()
        engine = make_engine(psycopg_url(address), pool_size=1, overflow=0)
        try:
            return await _look(settings, engine)
        finally:
            await engine.dispose()
    except (EmbeddedRefused, UnsafeServer) as refusal:
        return [Finding("wrong", *WORDS, str(refusal), "As the message says")]
    except (SQLAlchemyError, OSError, RuntimeError) as error:
        mend = (
            "Look at the server's log; is ANSHAO_DATABASE_URL right, and may this machine and user connect?"
            if settings.database_url
            else f"Look at {settings.data_dir.resolve() / 'postgres' / 'log'}"
        )
        return [Finding("wrong", *WORDS, f"does not answer ({type(error).__name__})", mend)]
    finally:
        if embedded is not None:
            embedded.stop()


async def check_storage(settings: Settings) -> Finding:
    """The store takes an object; with S3, its address, account and bucket are right."""
    words = ("证据存储", "Storage")
    place = settings.storage_url or str(settings.data_dir.resolve() / "objects")
    mend = "Look at ANSHAO_STORAGE_URL, ANSHAO_S3_ENDPOINT and the S3 keys; the bucket must exist"
    if settings.storage_url is None:
        return Finding("good", *words, f"{place} (tried with the data folder)")
    try:
        await open_store(settings).check()
    except StorageRefused as refusal:
        return Finding("wrong", *words, str(refusal), mend)
    except (StorageUnavailable, OSError) as error:
        return Finding("wrong", *words, f"{place} takes nothing ({type(error).__name__})", mend)
    return Finding("good", *words, place)


async def _look(settings: Settings, engine: AsyncEngine) -> list[Finding]:
    await check_server(engine)
    async with engine.connect() as connection:
        version, most, at, has_schema = (await connection.execute(_ASK)).one()
        skew = abs((datetime.now(UTC) - at).total_seconds())
        found = None
        if has_schema:
            found = (
                await connection.execute(text("SELECT version_num FROM alembic_version"))
            ).scalar_one_or_none()
        rules = [_rules(await list_unusable(connection))] if found == newest_revision() else []
    kind = "served" if settings.database_url else "embedded"
    return [
        Finding("good", *WORDS, f"{version} ({kind}), fsync, full_page_writes, synchronous_commit on"),
        _schema(found),
        *rules,
        _connections(settings, most),
        Finding(
            "good" if skew <= CLOCK_TOLERANCE_SECONDS else "wrong", "数据库时钟", "Clocks agree", f"{skew:.1f} s apart",
            "Keep both machines' clocks by NTP",
        ),
    ]  # fmt: skip


def _schema(found: str | None) -> Finding:
    words, newest = ("数据库结构", "Schema"), newest_revision()
    if found == newest:
        return Finding("good", *words, newest)
    return Finding("doubtful", *words, f"{found or 'empty'}, the program's is {newest}", "anshao migrate")


def _rules(unusable: list[str]) -> Finding:
    words = ("判定规则", "Published rules")
    if not unusable:
        return Finding("good", *words, "every published version can be held")
    mend = "Restore the row from a backup, or install the program that published it; processes that run go on with what they held"
    return Finding("wrong", *words, "; ".join(unusable), mend)


def _connections(settings: Settings, most: int) -> Finding:
    wanted = settings.workers * (settings.pool_size + settings.pool_overflow) + RESERVED_CONNECTIONS
    return Finding(
        "good" if wanted <= most else "wrong", "连接数", "Connections", f"{wanted} wanted at most, {most} allowed",
        "Lower ANSHAO_WORKERS or ANSHAO_POOL_SIZE, or raise max_connections",
    )  # fmt: skip
