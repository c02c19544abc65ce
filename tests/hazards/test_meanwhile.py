"""What becomes of the clock of an order while its hazard takes a step: nothing is half lost, and no version is two states."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.factories.world import World
from tests.hazards.test_extensions import HAZARDS, Desk

WAITING = """SELECT FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"""
DONE = {"note": "已整改", "evidence_ids": []}


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


@pytest.fixture
def clock(desk: Desk) -> dict[str, Any]:
    """The order's, as it was before the report."""
    return desk.clock()


def report(desk: Desk) -> Any:
    path = f"{HAZARDS}/{desk.hazard}/rectification"
    return desk.inspector.post(path, json=DONE, version=desk.shown()["version"])


class Meanwhile:
    """A report that has read the order's clock and waits for the officer who answers for it: `holder` holds him."""

    def __init__(self, desk: Desk, address: str, pool: ThreadPoolExecutor) -> None:
        self.pool = pool
        self.holder = psycopg.connect(address)
        self.watcher = psycopg.connect(address, autocommit=True)
        self.holder.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", (desk.inspector.user_id,))
        self.reported = self.begin(lambda: report(desk))

    def begin(self, act: Callable[[], Any]) -> Future[Any]:
        """Until it waits, or is done."""
        before, begun = self.waiting(), self.pool.submit(act)
        for _ in range(500):
            if begun.done() or self.waiting() > before:
                break
            time.sleep(0.01)
        return begun

    def waiting(self) -> int:
        return len(self.watcher.execute(WAITING).fetchall())


@pytest.fixture
def meanwhile(desk: Desk, clock: dict[str, Any], database_address: str) -> Iterator[Meanwhile]:
    with ThreadPoolExecutor(2) as pool:
        meanwhile = Meanwhile(desk, database_address, pool)
        with meanwhile.holder, meanwhile.watcher:
            assert not meanwhile.reported.done()
            yield meanwhile


def versions(address: str, clock_id: str) -> list[int]:
    """Those of the clock's changes, in the order of the change log."""
    with psycopg.connect(address) as reader:
        wanted = "SELECT version FROM changes WHERE object_id = %s ORDER BY id"
        return [row[0] for row in reader.execute(wanted, (UUID(clock_id),))]


def test_who_hands_the_clock_over_during_a_step_waits_for_it_and_is_told_that_it_has_ended(
    desk: Desk, clock: dict[str, Any], meanwhile: Meanwhile, database_address: str
) -> None:
    body = {"responsible_id": str(desk.colleague.user_id), "reason": "调离"}
    path = f"/api/v1/clocks/{clock['id']}/hand-over"
    handed = meanwhile.begin(lambda: desk.chief.post(path, json=body, version=clock["version"]))
    meanwhile.holder.rollback()
    assert meanwhile.reported.result(20).status_code == 200
    assert handed.result(20).status_code == 409
    ended = desk.chief.get(f"/api/v1/clocks/{clock['id']}").json()
    assert [row["action"] for row in ended["ledger"]] == ["start", "end"]
    assert versions(database_address, clock["id"]) == [1, 2]
    assert desk.clock(code="recheck")["responsible_id"] == str(desk.inspector.user_id)


def test_a_step_ends_the_clock_as_it_is_by_then(
    desk: Desk, clock: dict[str, Any], meanwhile: Meanwhile
) -> None:
    # who moves the officer to another brigade moves his clocks
    meanwhile.holder.execute("UPDATE clocks SET version = version + 1 WHERE id = %s", (clock["id"],))
    meanwhile.holder.commit()
    assert meanwhile.reported.result(20).status_code == 200
    assert desk.chief.get(f"/api/v1/clocks/{clock['id']}").json()["version"] == clock["version"] + 2
