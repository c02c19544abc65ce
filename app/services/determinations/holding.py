"""What the bureau has published, read into this process: at its start, once a minute after that, and when a phone pulls the law.

Judging a package asks the database nothing about rules. A version takes effect days after its publication, so whoever is
once a minute behind judges by the right one all the same.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

from anyio import to_thread
from prometheus_client import Counter
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from structlog import get_logger

from app.db.session import Database
from app.models.rulesets import RulesetStep, RulesetVersion
from app.services.determinations.content import (
    Edition,
    Publication,
    editions,
    hold,
    make_questions,
    shipped_rulesets,
)
from app.services.determinations.ruleset_content import build_content, hash_of

READ_SECONDS = 60.0
"""How long a process may not know of a publication. Far less than the days between publication and effect."""
READER = "published rules"
"""The name of the task that reads them."""
NOT_READ = Counter(
    "anshao_rules_not_read_total",
    "Readings of the published rules that failed; the process goes on with what it held",
)

log = get_logger()


class RulesTampered(Exception):
    """A published version is not what its hash says: nothing is judged by it."""


class NameShipped(Exception):
    """The program ships a version of the name of one that was published here: verdicts that name it would mean either."""


async def hold_published(session: AsyncSession) -> None:
    """Hold every published version. One statement when nothing is new. Raises RulesTampered."""
    revoked = exists().where(RulesetStep.version_id == RulesetVersion.id, RulesetStep.action == "revoke")
    wanted = select(RulesetVersion.id, revoked).where(RulesetVersion.status == "published")
    now = {row[0]: row[1] for row in await session.execute(wanted)}
    known = {one.publication.id: one for one in editions() if one.publication is not None}
    if now != {identifier: one.is_revoked for identifier, one in known.items()}:
        await _hold_anew(session, now)


async def list_unusable(session: AsyncSession | AsyncConnection) -> list[str]:
    """Published versions that no process can hold, each with the reason; they are known to none that starts."""
    columns = RulesetVersion.__table__.columns
    wanted = select(*columns).where(columns.status == "published").order_by(columns.id)
    found = []
    for row in await session.execute(wanted):
        try:
            _edition(row, is_revoked=False)
        except (RulesTampered, NameShipped, LookupError, TypeError, ValueError, AttributeError) as error:
            found.append(f"{row.ruleset}:{row.name} ({type(error).__name__}: {error})")
    return found


async def _hold_anew(session: AsyncSession, now: Mapping[UUID, bool]) -> None:
    rows = select(RulesetVersion).where(RulesetVersion.id.in_(now))
    rows = rows.order_by(RulesetVersion.published_at, RulesetVersion.id)
    found = (await session.execute(rows)).scalars().all()
    held = await to_thread.run_sync(lambda: [_edition(row, is_revoked=now[row.id]) for row in found])
    hold(held)
    log.info("rules_held", versions=[one.ruleset.name for one in held if not one.is_revoked])


def _edition(row: Any, *, is_revoked: bool) -> Edition:
    if hash_of(row.content, row.cases) != row.content_hash or row.published_at is None:
        raise RulesTampered(f"{row.ruleset}:{row.name}")
    if any((one.id, one.version) == (row.ruleset, row.name) for one in shipped_rulesets()):
        raise NameShipped(f"{row.ruleset}:{row.name}")
    ruleset = build_content(row.content)
    return Edition(
        ruleset,
        make_questions([ruleset], row.content["questions"]),
        Publication(row.id, row.content_hash, row.published_by, row.published_at, is_revoked),
    )


@asynccontextmanager
async def published_held(database: Database) -> AsyncIterator[None]:
    """Hold what is published while the block runs, read anew once a minute; what cannot be read now is read the next time."""
    async with database.read() as session:
        await hold_published(session)
    reading = asyncio.create_task(_read_on(database), name=READER)
    try:
        yield
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


async def _read_on(database: Database) -> None:
    while True:
        await asyncio.sleep(READ_SECONDS)
        await read_published(database)


async def read_published(database: Database) -> None:
    """Hold what is published by now; where it cannot be read (the database is away, a version is tampered with), what is held
    goes on holding."""
    try:
        async with database.read() as session:
            await hold_published(session)
    except Exception as error:
        NOT_READ.inc()
        log.error("rules_not_read", kind=type(error).__name__, exc_info=error)
