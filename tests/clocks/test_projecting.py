"""A notice is projected page by page: what is not done yet is marked, what is done stays done, and nothing is left out."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.ids import new_id
from app.models.clocks import NoticeProjection
from app.services.clocks import reprojection
from app.services.clocks.calendar import resume_projections
from app.services.clocks.reprojection import project_known, project_page
from app.services.clocks.responsibility import Subject
from app.services.clocks.service import start_clock
from app.services.runtime import Runtime
from tests.clocks.test_console import shown, start
from tests.factories.cases import Docket
from tests.jobs.test_deferring import work_off
from tests.support.notices import NOTICE, forget_notices

NOTICES = "/api/v1/calendar/notices"
WAITING = """
SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
 WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
"""
OVER_NEW_YEAR = date(2026, 12, 29)


@pytest.fixture(autouse=True)
def only_shipped_notices(docket: Docket) -> Iterator[None]:
    yield
    docket.world.in_database(forget_notices)


@pytest.fixture
def clocks(docket: Docket, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Five that wait for the notice of 2027, projected two by two."""
    monkeypatch.setattr(reprojection, "PAGE", 2)
    return [start(docket, "publication", OVER_NEW_YEAR) for _ in range(5)]


def import_notice(docket: Docket, **changes: Any) -> dict[str, Any]:
    answer = docket.world.person("administrator").post(NOTICES, json=NOTICE | changes)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def standing(docket: Docket, clocks: list[str]) -> list[tuple[str | None, bool]]:
    """Of each clock the day on which it ends, and whether it is marked."""
    rows = [shown(docket.chief, clock) for clock in clocks]
    return [(row["due_on"], row["awaits_calendar"]) for row in rows]


def named(docket: Docket, clock: str) -> list[str | None]:
    """The notices that have moved it."""
    ledger = shown(docket.chief, clock)["ledger"]
    return [row["notice_id"] for row in ledger if row["action"] == "reproject"]


def progress(docket: Docket, notice: dict[str, Any]) -> tuple[int, bool]:
    """How many clocks moved, as the notice tells, and whether that is all."""
    rows = docket.officers[0].get(NOTICES).json()
    (row,) = (one for one in rows if one["id"] == notice["id"])
    return row["clocks_moved"], row["projected_at"] is not None


def next_page(docket: Docket, notice: dict[str, Any]) -> bool:
    return bool(docket.world.in_database(lambda session: project_page(session, UUID(notice["id"]))))


def test_what_a_killed_run_has_not_come_to_is_marked_and_its_next_one_goes_on_there(
    docket: Docket, runtime: Runtime, clocks: list[str]
) -> None:
    plain = start(docket, "decision", OVER_NEW_YEAR)  # counts calendar days
    assert {mark for _, mark in standing(docket, clocks)} == {False}
    notice = import_notice(docket)
    assert standing(docket, clocks) == [(None, True)] * 5
    assert not shown(docket.chief, plain)["awaits_calendar"]
    assert progress(docket, notice) == (0, False)
    while all(mark for _, mark in standing(docket, clocks)):  # what other tests left lies before
        assert next_page(docket, notice)

    async def killed(session: AsyncSession) -> None:
        await project_page(session, UUID(notice["id"]))
        raise InterruptedError

    half = standing(docket, clocks)
    assert set(half) == {("2027-01-08", False), (None, True)}
    with pytest.raises(InterruptedError):
        docket.world.in_database(killed)
    assert standing(docket, clocks) == half
    moved, is_done = progress(docket, notice)
    assert not is_done
    work_off(docket.world.client, runtime)
    assert standing(docket, clocks) == [("2027-01-08", False)] * 5
    assert [named(docket, clock) for clock in clocks] == [[notice["id"]]] * 5
    after, is_done = progress(docket, notice)
    assert is_done
    assert after > moved > 0
    assert next_page(docket, notice) is False


def test_a_run_that_comes_again_from_the_beginning_moves_nothing_twice(
    docket: Docket, runtime: Runtime, clocks: list[str]
) -> None:
    notice = import_notice(docket)
    work_off(docket.world.client, runtime)
    before = [shown(docket.chief, clock) for clock in clocks]

    async def forget(session: AsyncSession) -> None:
        row = await session.get_one(NoticeProjection, UUID(notice["id"]))
        row.after_id, row.finished_at = None, None

    docket.world.in_database(forget)
    while next_page(docket, notice):
        pass
    assert [shown(docket.chief, clock) for clock in clocks] == before


def test_a_later_notice_of_the_year_takes_the_place_of_one_that_is_still_projected(
    docket: Docket, runtime: Runtime, clocks: list[str]
) -> None:
    """What it moves names it, and nothing names the one that holds no longer."""
    first = import_notice(docket)
    second = import_notice(docket, holidays=[*NOTICE["holidays"], "2027-01-08"])
    assert progress(docket, first) == (0, True)
    assert next_page(docket, first) is False
    work_off(docket.world.client, runtime)
    assert standing(docket, clocks) == [("2027-01-11", False)] * 5
    assert [named(docket, clock) for clock in clocks] == [[second["id"]]] * 5


def test_what_waits_for_an_imported_notice_is_left_to_its_own_run_which_is_named(
    docket: Docket, runtime: Runtime, clocks: list[str]
) -> None:
    """A worker that begins in between projects what has become known otherwise, and nothing else."""
    notice = import_notice(docket)
    docket.world.in_database(lambda session: project_known(session, None))
    assert standing(docket, clocks) == [(None, True)] * 5
    work_off(docket.world.client, runtime)
    assert [named(docket, clock) for clock in clocks] == [[notice["id"]]] * 5


def test_a_projection_whose_job_was_given_up_is_taken_on_by_the_next_worker(
    docket: Docket, runtime: Runtime, clocks: list[str]
) -> None:
    import_notice(docket)
    assert docket.world.in_database(resume_projections) == 0

    async def give_up(session: AsyncSession) -> None:
        theirs = "UPDATE procrastinate_jobs SET status = 'failed' WHERE task_name = 'clocks.reproject'"
        await session.execute(text(theirs))

    docket.world.in_database(give_up)
    work_off(docket.world.client, runtime)
    assert standing(docket, clocks) == [(None, True)] * 5
    assert docket.world.in_database(resume_projections) == 1
    assert docket.world.in_database(resume_projections) == 0
    work_off(docket.world.client, runtime)
    assert standing(docket, clocks) == [("2027-01-08", False)] * 5


def test_a_clock_that_was_started_by_the_calendar_before_an_import_is_there_for_its_projection(
    docket: Docket, runtime: Runtime, database_address: str
) -> None:
    """The import waits until whoever has read the calendar has written by it."""
    begun, may_end = threading.Event(), threading.Event()
    subject = Subject("case", new_id(), docket.world.authority, docket.region)

    async def start_slowly(session: AsyncSession) -> str:
        clock = await start_clock(session, SYSTEM, subject, "publication", OVER_NEW_YEAR)
        begun.set()
        await asyncio.to_thread(may_end.wait)
        return str(clock.id)

    administrator = docket.world.person("administrator")
    with ThreadPoolExecutor(2) as pool, psycopg.connect(database_address, autocommit=True) as watch:
        starting = pool.submit(docket.world.in_database, start_slowly)
        try:
            while not begun.wait(0.01):
                assert not starting.done()
            importing = pool.submit(administrator.post, NOTICES, json=NOTICE)
            while watch.execute(WAITING).fetchone() is None:
                assert not importing.done()
                time.sleep(0.01)
        finally:
            may_end.set()
        clock = starting.result()
        assert importing.result().status_code == 201
    work_off(docket.world.client, runtime)
    assert standing(docket, [clock]) == [("2027-01-08", False)]
