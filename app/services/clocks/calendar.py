"""Importing a notice: kept at once, and the clocks it moves projected anew by a job of the same transaction, until it has ended."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.jobs.app import defer, live_arguments
from app.models.clocks import CalendarNotice, NoticeProjection
from app.schemas.clocks import NoticeRequest
from app.services.clocks.jobs import reproject_after_notice
from app.services.clocks.notices import import_notice


async def add_notice(session: AsyncSession, actor: Actor, request: NoticeRequest) -> CalendarNotice:
    """Keep a notice and let it move what it moves. Raises NoticeInvalidProblem, NoticeKnownProblem."""
    notice = await import_notice(session, actor, request)
    await defer(session, reproject_after_notice, notice_id=str(notice.id))
    return notice


async def resume_projections(session: AsyncSession) -> int:
    """Take on what no job is left for, because its own was given up: when a worker begins. Gives how many."""
    unfinished = select(NoticeProjection.notice_id).where(NoticeProjection.finished_at.is_(None))
    waiting = {str(one) for one in (await session.execute(unfinished)).scalars()}
    lost = waiting - await live_arguments(session, reproject_after_notice.name, "notice_id")
    for notice_id in sorted(lost):
        await defer(session, reproject_after_notice, notice_id=notice_id)
    return len(lost)
