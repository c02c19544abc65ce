"""Whoever moves the clock of a hazard locks the hazard first, as who takes a step with it does: nobody waits crosswise."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import psycopg
import pytest

from app.core.clock import SHANGHAI, shanghai_today, standing_at
from app.services.runtime import Runtime
from tests.factories.world import World
from tests.hazards.test_extensions import Desk
from tests.jobs.test_deferring import work_off
from tests.support.notices import NOTICE, forget_notices

WAITING = "SELECT FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"
Act = Callable[[Desk, Runtime], Callable[[], Any]]
"""Prepares what moves the clock, and gives it."""


@pytest.fixture
def desk(world: World) -> Iterator[Desk]:
    """A period of ten working days into a year whose notice nobody has imported yet."""
    with standing_at(datetime(2026, 12, 28, 12, tzinfo=SHANGHAI)):
        desk = Desk(world)
        assert desk.order(days=10, day_kind="working").status_code == 201
        yield desk
    world.in_database(forget_notices)


def grant(desk: Desk, _: Runtime) -> Callable[[], Any]:
    proposed = desk.propose().json()
    return lambda: desk.settle(desk.chief, proposed, "grant").status_code == 200


def suspend(desk: Desk, _: Runtime) -> Callable[[], Any]:
    clock = desk.clock(unknown=True)
    path, version = f"/api/v1/clocks/{clock['id']}/suspension", clock["version"]
    body = {"on_date": str(shanghai_today()), "ground": "review", "reason": "复议机关决定停止执行"}
    return lambda: desk.chief.post(path, json=body, version=version).status_code == 200


def project(desk: Desk, runtime: Runtime) -> Callable[[], Any]:
    administrator = desk.world.person("administrator")
    assert administrator.post("/api/v1/calendar/notices", json=NOTICE).status_code == 201

    def work() -> bool:
        work_off(desk.world.client, runtime)
        return bool(desk.shown()["due_on"] == "2027-01-12")

    return work


@pytest.mark.parametrize("act", [grant, suspend, project])
def test_a_step_that_holds_the_hazard_gets_its_clocks_while_another_wants_to_move_them(
    desk: Desk, runtime: Runtime, database_address: str, act: Act
) -> None:
    move = act(desk, runtime)
    with ThreadPoolExecutor(1) as pool, psycopg.connect(database_address) as step:
        step.execute("SET deadlock_timeout = '10ms'")  # so that it is the step that would be told
        step.execute("SELECT FROM hazards WHERE id = %s FOR NO KEY UPDATE", (desk.hazard,))
        moved = pool.submit(move)
        while step.execute(WAITING).fetchone() is None:
            assert not moved.done()
            time.sleep(0.01)
        step.execute("SELECT FROM clocks WHERE subject_id = %s FOR UPDATE", (desk.hazard,))
        step.rollback()
        assert moved.result(20)
