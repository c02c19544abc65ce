"""Clearing away what has served its time."""

from datetime import timedelta
from typing import Any

from procrastinate import JobContext
from sqlalchemy import CursorResult, delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import utc_now
from app.db.session import Database
from app.jobs.app import jobs
from app.models.history import IdempotentAnswer

ANSWERS_KEPT_FOR = timedelta(hours=24)


async def remove_old_answers(session: AsyncSession) -> int:
    """Forget answers to Idempotency-Keys after 24 hours; a repeated request is then a new one. Gives their number."""
    old = delete(IdempotentAnswer).where(IdempotentAnswer.created_at < utc_now() - ANSWERS_KEPT_FOR)
    result = await session.execute(old)
    assert isinstance(result, CursorResult)
    return result.rowcount


@jobs.periodic(cron="17 * * * *")
@jobs.task(name="idempotency.clean", pass_context=True, queueing_lock="idempotency.clean")
async def clean_idempotent_answers(context: JobContext, timestamp: int) -> None:
    """Hourly."""
    runtime: Any = context.additional_context["runtime"]
    database: Database = runtime.database
    async with database.write() as session:
        await remove_old_answers(session)
