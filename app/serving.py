"""Starting and stopping processes: the API under uvicorn, a worker beside it, the embedded database they share."""

import asyncio
import gc
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from structlog import get_logger

from app.config import Settings
from app.db.embedded import EmbeddedPostgres
from app.db.migrate import upgrade
from app.http.logs import configure_logs
from app.http.metrics import SHARED_FOLDER
from app.http.protocol import BoundedProtocol
from app.jobs.relay import keep_epoch
from app.services.runtime import open_runtime
from app.services.worker import run_worker

STOP_WITHIN_SECONDS = 20
START_WITHIN_SECONDS = 60
"""An API process on a busy machine imports for longer than uvicorn's 5 s; killed for it, it would never start."""
RESTART_AFTER_SECONDS = 2
FEW_ARENAS = ("MALLOC_ARENA_MAX", "2")
"""glibc keeps a heap for each of our threads, and what hundreds of uploads pass through them is then never given back."""

log = get_logger()


@contextmanager
def database_address(settings: Settings) -> Iterator[str]:
    """The database's address; the embedded server is held while the block runs."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    embedded = EmbeddedPostgres(settings.data_dir)
    try:
        yield embedded.start()
    finally:
        embedded.stop()


def bring_up_to_date(settings: Settings, address: str) -> None:
    """Run the missing migrations; begin a new epoch of the feed if this is another database than before, before it is read."""
    upgrade(address)

    async def settle() -> None:
        async with open_runtime(settings) as runtime, runtime.database.write() as session:
            if await keep_epoch(session):
                log.warning("feed_epoch_began")

    asyncio.run(settle())


def served_app() -> FastAPI:
    """What uvicorn loads in each API process.

    What is loaded here stays for ever: looking through it for garbage cost a fifth of the start, and a seventh of the processor
    afterwards.
    """
    settings = Settings()
    configure_logs(settings.log_level)
    gc.disable()
    from app.main import create_app  # the doors, which neither workers nor commands need

    app = create_app(settings)
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    return app


def serve_api(settings: Settings, *, with_worker: bool) -> None:
    """Bring the database up to date and serve until a signal ends it; requests under way get 20 s to end."""
    allow_open_files(settings.open_files)
    with database_address(settings) as address, _shared_counters(settings.workers):
        bring_up_to_date(settings, address)
        os.environ.setdefault(*FEW_ARENAS)  # for the processes that are started from here
        worker = WorkerBeside() if with_worker else None
        try:
            uvicorn.run(
                "app.serving:served_app",
                factory=True,
                host=settings.host,
                port=settings.port,
                workers=settings.workers,
                http=BoundedProtocol,  # type: ignore[arg-type]  # asyncio knows two kinds of protocols; uvicorn names one
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=STOP_WITHIN_SECONDS,
                timeout_worker_healthcheck=START_WITHIN_SECONDS,
            )
        finally:
            if worker is not None:
                worker.stop()


def allow_open_files(needed: int) -> None:
    """Let this process and those it starts have as many files open as the machine lets them; by default it is often 1024, fewer
    than the streams that phones may hold. Where even that is less than `needed`, say so and go on.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, needed) if hard == resource.RLIM_INFINITY else hard  # macOS takes no infinity
    if soft not in (wanted, resource.RLIM_INFINITY):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if wanted < needed:
        log.warning("open_files_few", limit=wanted, needed=needed)


@contextmanager
def _shared_counters(processes: int) -> Iterator[None]:
    """Several API processes count into one folder, so that /metrics tells the same whichever of them answers."""
    if processes == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="anshao-metrics-") as folder:
        os.environ[SHARED_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[SHARED_FOLDER]


def work(settings: Settings, *, while_stdin_is_open: bool) -> None:
    """Run a worker until SIGTERM or SIGINT (or, beside an API, until the process that started it is gone)."""
    asyncio.run(_work(settings, while_stdin_is_open))


async def _work(settings: Settings, while_stdin_is_open: bool) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if while_stdin_is_open:
        loop.add_reader(sys.stdin.fileno(), stop.set)  # nothing is ever written to it: readable means closed
    async with open_runtime(settings) as runtime:
        log.info("worker_started")
        await run_worker(runtime, stop)
        log.info("worker_stopped")


class WorkerBeside:
    """A worker in a process of its own, started again if it dies; it ends by itself when we do (its stdin closes)."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._process = self._start()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """Ask it to end its jobs and wait for it."""
        self._stopping.set()
        self._watcher.join()
        self._process.terminate()
        self._process.wait()

    def _start(self) -> "subprocess.Popen[Any]":
        command = [sys.executable, "-m", "app.cli", "worker", "--while-stdin-is-open"]
        return subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603  our own program

    def _watch(self) -> None:
        while not self._stopping.wait(0.2):
            if self._process.poll() is not None:
                log.error("worker_died", status=self._process.returncode)
                if self._stopping.wait(RESTART_AFTER_SECONDS):
                    return
                self._process = self._start()
