"""Handlers of cases' jobs."""

from procrastinate import JobContext

from app.jobs.app import jobs
from app.services.cases.clocks import find_deadlines


@jobs.periodic(cron="23 * * * *")
@jobs.task(name="cases.find_deadlines", pass_context=True, queueing_lock="cases.find_deadlines")
async def find_unknown_deadlines(context: JobContext, timestamp: int) -> None:
    """Hourly: a deadline that reached beyond the imported calendar becomes known once its year's notice is there."""
    async with context.additional_context["runtime"].database.write() as session:
        await find_deadlines(session)
