"""Handlers of the registry's jobs."""

from uuid import UUID

from procrastinate import JobContext

from app.jobs.app import RETRY, jobs
from app.services.hazards.export_files import remove_strays
from app.services.hazards.exporting import expire_exports, fail_export, fail_without_job, work_off
from app.services.hazards.proposing import propose_for_overdue, start_rechecks


@jobs.task(name="hazards.export", pass_context=True, retry=RETRY)
async def export_hazards(context: JobContext, export_id: str) -> None:
    """Work off an export; interrupted, it is given back to the queue. Tried for the last time in vain, the export says so."""
    runtime = context.additional_context["runtime"]
    try:
        await work_off(runtime, UUID(export_id))
    except Exception as error:
        if RETRY.get_retry_decision(exception=error, job=context.job) is None:
            await fail_export(runtime, UUID(export_id), "storage_or_database")
        raise


@jobs.periodic(cron="*/5 * * * *")
@jobs.task(name="hazards.fail_exports", pass_context=True, queueing_lock="hazards.fail_exports")
async def fail_given_up(context: JobContext, timestamp: int) -> None:
    """Every five minutes: exports whose job was given up, or failed before it could say so, end as failed."""
    await fail_without_job(context.additional_context["runtime"], "hazards.export")


@jobs.periodic(cron="23 * * * *")
@jobs.task(name="hazards.expire_exports", pass_context=True, queueing_lock="hazards.expire_exports")
async def expire(context: JobContext, timestamp: int) -> None:
    """Hourly: files whose time is over, and parts that belong to none."""
    runtime = context.additional_context["runtime"]
    await expire_exports(runtime)
    await remove_strays(runtime.storage)


@jobs.periodic(cron="11 * * * *")
@jobs.task(name="hazards.propose", pass_context=True, queueing_lock="hazards.propose")
async def propose(context: JobContext, timestamp: int) -> None:
    """Hourly, so that a worker that was down at midnight makes up for it: what follows from a deadline's end, once for each end."""
    database = context.additional_context["runtime"].database
    for work in (start_rechecks, propose_for_overdue):
        while True:
            async with database.write() as session:
                if not await work(session):
                    break
