"""Handlers of the clocks' jobs."""

from uuid import UUID

from procrastinate import JobContext

from app.jobs.app import RETRY, jobs
from app.services.clocks.repository import REMIND_BATCH, raise_reminders
from app.services.clocks.reprojection import project_page


@jobs.task(name="clocks.reproject", pass_context=True, retry=RETRY)
async def reproject_after_notice(context: JobContext, notice_id: str) -> None:
    """Project anew what an imported notice moves, page by page; what was done by a run that died stays done."""
    database = context.additional_context["runtime"].database
    more = True
    while more:
        async with database.write() as session:
            more = await project_page(session, UUID(notice_id))


@jobs.periodic(cron="5 * * * *")
@jobs.task(name="clocks.remind", pass_context=True, queueing_lock="clocks.remind")
async def remind_of_clocks(context: JobContext, timestamp: int) -> None:
    """Hourly, so that a worker that was down at midnight makes up for it; each reminder is raised once."""
    database = context.additional_context["runtime"].database
    while True:
        async with database.write() as session:
            raised = await raise_reminders(session)
        if raised < REMIND_BATCH:
            return
