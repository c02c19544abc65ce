"""Handlers of the clocks' jobs."""

from uuid import UUID

from procrastinate import JobContext

from app.jobs.app import RETRY, jobs
from app.models.clocks import CalendarNotice
from app.services.clocks.repository import REMIND_BATCH, raise_reminders
from app.services.clocks.reprojection import reproject_clocks


@jobs.task(name="clocks.reproject", pass_context=True, retry=RETRY)
async def reproject_after_notice(context: JobContext, notice_id: str) -> None:
    """Project anew what an imported notice moves."""
    async with context.additional_context["runtime"].database.write() as session:
        notice = await session.get_one(CalendarNotice, UUID(notice_id))
        await reproject_clocks(session, notice)


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
