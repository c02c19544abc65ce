"""A job exists exactly when the transaction that asked for it committed, and runs at least once."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from procrastinate import JobContext
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.jobs.app import DEATHS_ALLOWED, defer, jobs, retry_stalled, run_jobs
from app.services.runtime import Runtime

ran: list[tuple[str, object]] = []


@jobs.task(name="tests.note", pass_context=True)
async def note(context: JobContext, thing: str) -> None:
    """Remember that it ran, and with which runtime."""
    ran.append((thing, context.additional_context["runtime"]))


@pytest.fixture(autouse=True)
def nothing_ran() -> Iterator[None]:
    ran.clear()
    yield
    ran.clear()


def work_off(client: TestClient, runtime: Runtime) -> None:
    async def run() -> None:
        await run_jobs(runtime.address, {"runtime": runtime}, until_empty=True)

    assert client.portal is not None
    client.portal.call(run)


def test_a_committed_job_runs_with_the_runtime(
    client: TestClient, runtime: Runtime, in_database: Callable[..., Any]
) -> None:
    thing: UUID = new_id()

    async def ask(session: AsyncSession) -> None:
        await defer(session, note, thing=thing)

    in_database(ask)
    work_off(client, runtime)
    assert (str(thing), runtime) in ran


def test_a_job_of_a_rolled_back_transaction_does_not_exist(
    client: TestClient, runtime: Runtime, in_database: Callable[..., Any]
) -> None:
    async def ask_and_fail(session: AsyncSession) -> None:
        await defer(session, note, thing="never")
        raise LookupError

    with pytest.raises(LookupError):
        in_database(ask_and_fail)
    work_off(client, runtime)
    assert ran == []


def test_finished_jobs_leave_no_row_behind(
    client: TestClient, runtime: Runtime, in_database: Callable[..., Any]
) -> None:
    async def ask(session: AsyncSession) -> int:
        return await defer(session, note, thing="gone")

    async def find(session: AsyncSession) -> Any:
        query = text("SELECT count(*) FROM procrastinate_jobs WHERE id = :id")
        return (await session.execute(query, {"id": job_id})).scalar_one()

    job_id = in_database(ask)
    assert in_database(find) == 1
    work_off(client, runtime)
    assert in_database(find) == 0


@jobs.task(name="tests.once", queueing_lock="tests.once", pass_context=True)
async def once(context: JobContext, thing: str) -> None:
    """Waits at most once at a time."""
    ran.append((thing, context.additional_context["runtime"]))


async def abandon(session: AsyncSession, job_id: int) -> None:
    """As a worker leaves its job that was killed and whose own row is gone: taken, by nobody."""
    taken = text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = NULL WHERE id = :id")
    await session.execute(taken, {"id": job_id})


async def look_for_stalled(session: AsyncSession) -> None:
    """Now; the clock of the day may have put the same job into the queue a moment ago."""
    await session.execute(
        text("DELETE FROM procrastinate_jobs WHERE task_name = 'jobs.retry_stalled' AND status = 'todo'")
    )
    await defer(session, retry_stalled, timestamp=0)


def test_jobs_of_a_worker_that_died_run_again_and_give_way_to_a_waiting_twin(
    client: TestClient, runtime: Runtime, in_database: Callable[..., Any]
) -> None:
    lost, twin, plain = (str(new_id()) for _ in range(3))

    async def die_and_come_back(session: AsyncSession) -> list[int]:
        first = await defer(session, once, thing=lost)
        await abandon(session, first)
        second = await defer(session, once, thing=twin)
        later = text("UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 day' WHERE id = :id")
        await session.execute(later, {"id": second})
        third = await defer(session, note, thing=plain)
        await abandon(session, third)
        await look_for_stalled(session)
        return [first, second, third]

    async def left(session: AsyncSession) -> list[Any]:
        query = text(
            "SELECT id, status::text FROM procrastinate_jobs WHERE id = ANY(:ids) "
            "OR (task_name = 'jobs.retry_stalled' AND status = 'failed')"
        )
        found = [tuple(row) for row in await session.execute(query, {"ids": ids})]
        await session.execute(text("DELETE FROM procrastinate_jobs WHERE id = ANY(:ids)"), {"ids": ids})
        return found

    ids = in_database(die_and_come_back)
    work_off(client, runtime)  # gives them back
    work_off(client, runtime)
    assert [thing for thing, _ in ran] == [plain]
    assert in_database(left) == [(ids[1], "todo")]


def test_a_job_that_keeps_killing_its_worker_is_given_up_and_stays_to_be_seen(
    client: TestClient, runtime: Runtime, in_database: Callable[..., Any]
) -> None:
    deadly, unlucky = str(new_id()), str(new_id())

    async def die_often(session: AsyncSession) -> list[int]:
        ids = []
        for thing, deaths in ((deadly, DEATHS_ALLOWED), (unlucky, DEATHS_ALLOWED - 1)):
            ids.append(await defer(session, note, thing=thing))
            await abandon(session, ids[-1])
            counted = text("UPDATE procrastinate_jobs SET attempts = :deaths WHERE id = :id")
            await session.execute(counted, {"deaths": deaths, "id": ids[-1]})
        await look_for_stalled(session)
        return ids

    async def left(session: AsyncSession) -> list[Any]:
        query = text("SELECT id, status::text FROM procrastinate_jobs WHERE id = ANY(:ids)")
        found = [tuple(row) for row in await session.execute(query, {"ids": ids})]
        await session.execute(text("DELETE FROM procrastinate_jobs WHERE id = ANY(:ids)"), {"ids": ids})
        return found

    ids = in_database(die_often)
    work_off(client, runtime)  # gives one back
    work_off(client, runtime)
    assert [thing for thing, _ in ran] == [unlucky]
    assert in_database(left) == [(ids[0], "failed")]
