"""The worker: jobs, the relay, audit sealing and checkpoints, counters, comparing hazards, examining evidence, until told to stop.

Any number may run beside one another; relay, sealing and counting are done by whichever holds the lock at that moment.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from structlog import get_logger

from app.jobs.app import run_jobs
from app.jobs.relay import BATCH as RELAY_BATCH
from app.jobs.relay import assign_positions, keep_epoch
from app.services.audit.checkpoints import write_checkpoint
from app.services.audit.sealing import BATCH as SEALING_BATCH
from app.services.audit.sealing import find_newest_checkpoint, seal_waiting
from app.services.clocks.calendar import resume_projections
from app.services.clocks.reprojection import reproject_known
from app.services.determinations.holding import READ_SECONDS as RULES_SECONDS
from app.services.determinations.holding import hold_published
from app.services.evidence.decoder import Decoder
from app.services.evidence.examination import BATCH as EXAMINATION_BATCH
from app.services.evidence.examination import examine_waiting
from app.services.evidence.spare_time import SpareTime, waits_too_long
from app.services.hazards.comparing import compare_changed
from app.services.hazards.folding import fold_changes
from app.services.runtime import Runtime
from app.services.subscriptions import load_subscriptions
from app.services.task_modules import load_tasks

RELAY_SECONDS = 0.25
EXAMINATION_SECONDS = 0.5
SEALING_SECONDS = 1.0
COUNTING_SECONDS = 1.0
COMPARING_SECONDS = 5.0
COMPARING_RESTS = 9
"""After patience has run out on a machine that stays busy, comparing rests so many times as long as it worked."""
CHECKPOINT_SECONDS = 10.0
AFTER_FAILURE_SECONDS = 5.0

log = get_logger()


async def run_worker(runtime: Runtime, stop: asyncio.Event) -> None:
    """Work until `stop` is set; then running jobs end, and what was sealed last gets its checkpoint."""
    load_tasks()
    load_subscriptions()
    async with runtime.database.write() as session:
        if await keep_epoch(session):
            log.warning("feed_epoch_began")
        if resumed := await resume_projections(session):
            log.info("projections_resumed", notices=resumed)
    if moved := await reproject_known(runtime.database):
        log.info("clocks_known_now", clocks=moved)
    checkpoints = _Checkpoints(runtime)

    async def read_rules() -> bool:
        async with runtime.database.read() as session:
            await hold_published(session)
        return False

    await read_rules()

    async def work_off_queue() -> bool:
        await run_jobs(runtime.address, {"runtime": runtime})
        return False

    async def seal() -> bool:
        async with runtime.database.write() as session:
            sealed = await seal_waiting(session, runtime.keys)
        await checkpoints.write_if_due()
        return sealed == SEALING_BATCH

    async def relay() -> bool:
        async with runtime.database.write() as session:
            return await assign_positions(session) == RELAY_BATCH

    async def count() -> bool:
        async with runtime.database.write() as session:
            return await fold_changes(session)

    decoders = [Decoder() for _ in range(runtime.settings.evidence_decoders)]
    patience = timedelta(seconds=runtime.settings.evidence_patience_seconds)
    spare, comparer = SpareTime(), Comparer(runtime, patience)

    async def examine() -> bool:
        if spare.is_scarce():
            async with runtime.database.single_statement() as connection:
                if not await waits_too_long(connection, patience):
                    return False
        return await examine_waiting(runtime, decoders) == EXAMINATION_BATCH

    tasks = [
        asyncio.create_task(_until(stop, "rules", read_rules, RULES_SECONDS)),
        asyncio.create_task(_until(stop, "jobs", work_off_queue, RELAY_SECONDS)),
        asyncio.create_task(_until(stop, "relay", relay, RELAY_SECONDS)),
        asyncio.create_task(_until(stop, "sealing", seal, SEALING_SECONDS)),
        asyncio.create_task(_until(stop, "counting", count, COUNTING_SECONDS)),
        asyncio.create_task(_until(stop, "comparing", comparer.work, COMPARING_SECONDS)),
        asyncio.create_task(_until(stop, "examination", examine, EXAMINATION_SECONDS)),
    ]
    try:
        await stop.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(decoder.close() for decoder in decoders))
    await seal()
    await checkpoints.write_if_due(is_last=True)


async def _until(stop: asyncio.Event, name: str, work: Callable[[], Awaitable[bool]], pause: float) -> None:
    """Repeat `work`, at once while it says there is more; a failure (the database is away) is logged and tried again.

    It looks at `stop` as well as being cancelled: a cancellation that meets the end of what is awaited can get lost.
    """
    while not stop.is_set():
        try:
            has_more = await work()
        except Exception as error:
            log.error("worker_failed", part=name, kind=type(error).__name__, exc_info=error)
            await asyncio.sleep(AFTER_FAILURE_SECONDS)
        else:
            await asyncio.sleep(0 if has_more else pause)


class Comparer:
    """Compares hazards in the machine's spare time, which nobody waits for; what has waited too long, also beside other work."""

    def __init__(self, runtime: Runtime, patience: timedelta) -> None:
        self._runtime = runtime
        self._patience = patience.total_seconds()
        self._spare = SpareTime()
        self._nothing_left_at = time.monotonic()

    async def work(self) -> bool:
        """One unit of work, or none yet; True when there is more to do at once."""
        began = time.monotonic()
        is_scarce = self._spare.is_scarce()
        if is_scarce and began - self._nothing_left_at < self._patience:
            return False
        async with self._runtime.database.write() as session:
            has_more = await compare_changed(session)
        if not has_more:
            self._nothing_left_at = time.monotonic()
        if is_scarce:
            await asyncio.sleep(COMPARING_RESTS * (time.monotonic() - began))
        self._spare.is_scarce()  # what it has used itself is not others' work
        return has_more


class _Checkpoints:
    """Writes the chain's head outside the database: at most every ten seconds, and only when it moved."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._written_number = 0
        self._due_at = 0.0

    async def write_if_due(self, *, is_last: bool = False) -> None:
        if not is_last and time.monotonic() < self._due_at:
            return
        async with self._runtime.database.read() as session:
            newest = await find_newest_checkpoint(session)
        if newest is not None and newest.number > self._written_number:
            await asyncio.to_thread(write_checkpoint, self._runtime.settings.resolved_checkpoints_dir, newest)
            self._written_number = newest.number
            self._due_at = time.monotonic() + CHECKPOINT_SECONDS
