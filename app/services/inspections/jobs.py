"""Handlers of inspections' jobs."""

from procrastinate import JobContext

from app.jobs.app import jobs
from app.services.inspections.service import sweep_packages


@jobs.periodic(cron="* * * * *")
@jobs.task(name="inspections.sweep", pass_context=True, queueing_lock="inspections.sweep")
async def sweep(context: JobContext, timestamp: int) -> None:
    """Finish packages whose processing was interrupted."""
    await sweep_packages(context.additional_context["runtime"])
