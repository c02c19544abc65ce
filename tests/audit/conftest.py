"""An audit log in a database of its own, which tests may tamper with as a superuser would."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.ids import new_id
from app.db.engine import make_engine, psycopg_url
from app.db.session import Database
from app.services.audit.chain import Checkpoint
from app.services.audit.checkpoints import read_checkpoints, write_checkpoint
from app.services.audit.sealing import find_newest_checkpoint, seal_waiting
from app.services.audit.service import record_access
from app.services.audit.verify import AuditReport, verify_audit
from app.services.identity.keys import KeyRing
from tests.support.postgres import cloned_database

Result = TypeVar("Result")


class AuditLog:
    """The log, its keys and its checkpoints."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address = address
        self.keys = KeyRing(folder / "keys")
        self.checkpoints = folder / "checkpoints"

    def unit(self, work: Callable[[AsyncSession], Awaitable[Result]], *, snapshot: bool = False) -> Result:
        """Run one unit of work on an engine of its own."""

        async def run() -> Result:
            database = Database(make_engine(psycopg_url(self.address), pool_size=1, overflow=0))
            try:
                async with database.snapshot() if snapshot else database.write() as session:
                    return await work(session)
            finally:
                await database.close()

        return asyncio.run(run())

    def write(self, count: int = 1, action: str = "evidence:read_original") -> list[UUID]:
        """Add entries the ordinary way; the ids of their objects."""
        objects = [new_id() for _ in range(count)]

        async def work(session: AsyncSession) -> None:
            for object_id in objects:
                await record_access(
                    session, SYSTEM, action=action, kind="evidence", object_id=object_id, region_id=new_id(),
                    before={"version": 1}, after={"version": 2}, detail={"reason": "复核", "pages": [1, 2.5]},
                )  # fmt: skip

        self.unit(work)
        return objects

    def seal(self, batch: int = 1000) -> int:
        """Run the sealing job once."""
        return self.unit(lambda session: seal_waiting(session, self.keys, batch))

    def checkpoint(self) -> Checkpoint:
        """Write the chain's head outside the database."""
        newest = self.unit(find_newest_checkpoint)
        assert newest is not None
        write_checkpoint(self.checkpoints, newest)
        return newest

    def sealed(self, seals: int, entries_each: int = 2) -> None:
        """A log of that many seals, with a checkpoint of the last."""
        for _ in range(seals):
            self.write(entries_each)
            assert self.seal() == entries_each
        self.checkpoint()

    def verify(self) -> AuditReport:
        """What `anshao verify audit` finds."""
        checkpoints, unreadable = read_checkpoints(self.checkpoints)
        return self.unit(
            lambda session: verify_audit(session, self.keys, checkpoints, unreadable), snapshot=True
        )

    def found(self) -> list[tuple[str, str]]:
        """(kind, place) of each finding."""
        return [(finding.kind, finding.place) for finding in self.verify().findings]

    def tamper(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run SQL as a superuser with every trigger disabled."""
        with psycopg.connect(self.address) as connection:
            connection.execute("SET session_replication_role = replica")
            cursor = connection.execute(statement, values or None)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def audit_log(database_cluster: str, tmp_path: Path) -> Iterator[AuditLog]:
    """A fresh log."""
    with cloned_database(database_cluster) as address:
        yield AuditLog(address, tmp_path)
