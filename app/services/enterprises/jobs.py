"""Handlers of the enterprises' jobs."""

from uuid import UUID

from procrastinate import JobContext

from app.core.errors import Problem
from app.jobs.app import RETRY, jobs
from app.services.enterprises.erasing import BATCH, erase_ended
from app.services.enterprises.importing import fail_import, work_off


@jobs.task(name="enterprises.import", pass_context=True, retry=RETRY)
async def import_enterprises(context: JobContext, import_id: str) -> None:
    """Work off an import; interrupted, it is given back to the queue and goes on after its last finished batch."""
    database = context.additional_context["runtime"].database
    try:
        await work_off(database, UUID(import_id))
    except Problem as problem:
        if problem.status != 409:
            await fail_import(database, UUID(import_id), problem)
            return
        raise


@jobs.periodic(cron="37 4 * * *")
@jobs.task(name="enterprises.erase_invited", pass_context=True, queueing_lock="enterprises.erase_invited")
async def erase_invited(context: JobContext, timestamp: int) -> None:
    """Every night: who was invited, once his invitation has been over for the days of the setting."""
    runtime = context.additional_context["runtime"]
    while True:
        async with runtime.database.write() as session:
            if await erase_ended(session, runtime.keys, runtime.settings.invitation_kept_days) < BATCH:
                return
