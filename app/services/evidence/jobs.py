"""Handlers of evidence's jobs. Examining files is no job: the worker does it all the time."""

from procrastinate import JobContext

from app.jobs.app import jobs
from app.services.evidence.judging import BATCH, judge_waiting, let_older_be_judged
from app.services.evidence.sweeping import remove_decided, remove_strays, sweep_unclaimed
from app.services.evidence.upload_sweeping import remove_stray_parts, sweep_uploads


@jobs.periodic(cron="41 * * * *")
@jobs.task(name="evidence.sweep", pass_context=True, queueing_lock="evidence.sweep")
async def sweep(context: JobContext, timestamp: int) -> None:
    """Hourly: old unclaimed files, abandoned uploads, the bytes nobody refers to, and left-over temporary files."""
    runtime = context.additional_context["runtime"]
    await sweep_unclaimed(runtime)
    await remove_decided(runtime)
    await sweep_uploads(runtime)
    await remove_stray_parts(runtime)
    await runtime.storage.clear_staging()


@jobs.periodic(cron="13 3 * * *")
@jobs.task(name="evidence.sweep_strays", pass_context=True, queueing_lock="evidence.sweep_strays")
async def sweep_strays(context: JobContext, timestamp: int) -> None:
    """Every night, since it looks at every stored file: bytes whose row was never written."""
    await remove_strays(context.additional_context["runtime"])


@jobs.periodic(cron="* * * * *")
@jobs.task(name="evidence.judge", pass_context=True, queueing_lock="evidence.judge")
async def judge(context: JobContext, timestamp: int) -> None:
    """Every minute: the provenance of what was examined meanwhile, and of what older standards judged."""
    runtime = context.additional_context["runtime"]
    await let_older_be_judged(runtime)
    while await judge_waiting(runtime) == BATCH:
        pass
