"""Handlers of the enterprises' jobs."""

from uuid import UUID

from procrastinate import JobContext

from app.core.errors import Problem
from app.jobs.app import RETRY, jobs
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
