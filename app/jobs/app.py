"""The job queue (procrastinate, on our own PostgreSQL) and deferring a job in the caller's transaction.

A job runs at least once, so every handler is idempotent. Handlers live in services/<area>/jobs.py, are listed in
services/task_modules.py, take ids only (never personal data) and find the open runtime in
`context.additional_context["runtime"]`. Work is batched from the change log: no job per small row.
"""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

import orjson
from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status
from procrastinate.tasks import Task
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from structlog import get_logger

from app.db.session import driver_connection

log = get_logger()

POLL_SECONDS = 0.5
STOP_WITHIN_SECONDS = 20
RETRY = RetryStrategy(max_attempts=8, exponential_wait=3)
"""For work that may fail for a while (3 s, 9 s, 27 s ... about 1.4 hours in all); afterwards the job stays, failed, to be seen."""


def _to_json(value: Any) -> str:
    return orjson.dumps(value).decode()


jobs = App(connector=PsycopgConnector(json_dumps=_to_json))
"""Where tasks are registered: `@jobs.task(name="evidence.derive", pass_context=True, retry=RETRY)`."""


async def defer(session: AsyncSession, task: Task[Any, Any, Any], **arguments: Any) -> int:
    """Queue `task` in the session's own transaction: it exists when, and only when, that commits. Gives the job's id.

    Arguments are JSON values, UUIDs, dates and times; the handler receives the latter as strings.
    """
    connection = await driver_connection(session)
    # procrastinate keeps the arguments on the job it returns, so they are made plain JSON here
    plain = {name: _plain(value) for name, value in arguments.items()}
    return await task.configure(connection=connection).defer_async(**plain)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else orjson.loads(orjson.dumps(value))


async def run_jobs(
    address: str, context: Mapping[str, Any], *, concurrency: int = 4, until_empty: bool = False
) -> None:
    """Run queued and periodic jobs on the database at `address` (postgresql://) until cancelled, or until none is left.

    Cancelling lets running jobs end, for 20 s at most. New jobs are found by polling: a NOTIFY in every deferring
    transaction would take a lock that puts the whole server's commits in single file.
    """
    connector = PsycopgConnector(
        conninfo=address,
        min_size=1,
        max_size=3,
        json_dumps=_to_json,
        kwargs={"application_name": "anshao-jobs", "prepare_threshold": None},
    )
    with jobs.replace_connector(connector) as running:
        async with running.open_async():
            await running.run_worker_async(
                wait=not until_empty,
                concurrency=concurrency,
                listen_notify=False,
                fetch_job_polling_interval=POLL_SECONDS,
                shutdown_graceful_timeout=STOP_WITHIN_SECONDS,
                delete_jobs="successful",
                install_signal_handlers=False,
                additional_context=cast(Any, dict(context)),
            )


DEATHS_ALLOWED = 10
"""Attempts after which a job whose worker died is not tried again: it may be what kills it."""


@jobs.periodic(cron="* * * * *")
@jobs.task(name="jobs.retry_stalled", pass_context=True, queueing_lock="jobs.retry_stalled")
async def retry_stalled(context: JobContext, timestamp: int) -> None:
    """Give jobs whose worker died (no heartbeat for 30 s) back to the queue; one that keeps killing its worker is given up.

    What was given up counts as failed (`anshao doctor`, /metrics) and stays for a person.
    """
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=30):
        if job.attempts >= DEATHS_ALLOWED:
            log.error("job_given_up", job=job.id, task=job.task_name, attempts=job.attempts)
            await manager.finish_job(job, Status.FAILED, delete_job=False)
            continue
        try:
            await manager.retry_job(job)
        except UniqueViolation:  # its twin under the same queueing lock waits already and does the same work
            await manager.finish_job(job, Status.FAILED, delete_job=True)


_LIVE = text(
    "SELECT args ->> :argument FROM procrastinate_jobs WHERE task_name = :task AND status IN ('todo', 'doing', 'aborting')"
)


async def live_arguments(session: AsyncSession, task: str, argument: str) -> set[str]:
    """The values of an argument in a task's jobs that wait or run; jobs that failed or were given up are not among them."""
    return set((await session.execute(_LIVE, {"task": task, "argument": argument})).scalars())


_WAITING = text(
    "SELECT queue_name, count(*) FILTER (WHERE status = 'todo'), count(*) FILTER (WHERE status = 'doing'), "
    "count(*) FILTER (WHERE status = 'failed') FROM procrastinate_jobs GROUP BY queue_name"
)


async def count_jobs(connection: AsyncConnection) -> list[tuple[str, int, int, int]]:
    """Per queue: jobs that wait, run, and failed for good. Those that went well are deleted, so few rows are counted."""
    return [(str(row[0]), row[1], row[2], row[3]) for row in await connection.execute(_WAITING)]
