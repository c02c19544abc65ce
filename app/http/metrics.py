"""Prometheus metrics: what the processes counted, and how the database and the queue are at the moment of asking."""

import os

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Gauge, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy.exc import SQLAlchemyError

from app import __version__
from app.db.activity import count_connections, count_waiting, oldest_transaction_seconds, pool_state
from app.jobs.app import count_jobs
from app.services.runtime import Runtime

MEDIA_TYPE = CONTENT_TYPE_LATEST
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where several API processes keep their counters together; whoever starts them sets it before they are loaded."""


async def render_metrics(runtime: Runtime) -> bytes:
    """All metrics as text. A database that is away is itself a figure, not an error."""
    counted = REGISTRY
    if SHARED_FOLDER in os.environ:
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    now = CollectorRegistry()
    Gauge("anshao_build_info", "The program", ["version"], registry=now).labels(__version__).set(1)
    await _measure(runtime, now)
    return generate_latest(counted) + generate_latest(now)


async def _measure(runtime: Runtime, now: CollectorRegistry) -> None:
    pool = pool_state(runtime.database)
    connections = Gauge(
        "anshao_pool_connections", "Database connections of this process", ["state"], registry=now
    )
    connections.labels("in_use").set(pool.in_use)
    connections.labels("idle").set(pool.idle)
    answers = Gauge("anshao_database_up", "1 when the database answers", registry=now)
    try:
        await _ask_database(runtime, now)
    except SQLAlchemyError:
        answers.set(0)
    else:
        answers.set(1)


async def _ask_database(runtime: Runtime, now: CollectorRegistry) -> None:
    async with runtime.database.single_statement() as connection:
        oldest = await oldest_transaction_seconds(connection)
        used = await count_connections(connection)
        jobs = await count_jobs(connection)
        backlog = await count_waiting(connection)
    Gauge("anshao_oldest_transaction_seconds", "Age of the oldest open transaction", registry=now).set(oldest)
    Gauge("anshao_database_connections", "Connections of all processes", registry=now).set(used)
    queue = Gauge("anshao_jobs", "Jobs in the queue", ["queue", "state"], registry=now)
    for name, waiting, running, failed in jobs:
        queue.labels(name, "waiting").set(waiting)
        queue.labels(name, "running").set(running)
        queue.labels(name, "failed").set(failed)
    undone = Gauge("anshao_waiting", "What the worker has yet to do, at most 100000", ["what"], registry=now)
    for what, number in backlog.items():
        undone.labels(what).set(number)
