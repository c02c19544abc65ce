"""Importing a notice: kept at once, and the clocks it moves projected anew by a job of the same transaction."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.jobs.app import defer
from app.models.clocks import CalendarNotice
from app.schemas.clocks import NoticeRequest
from app.services.clocks.jobs import reproject_after_notice
from app.services.clocks.notices import import_notice


async def add_notice(session: AsyncSession, actor: Actor, request: NoticeRequest) -> CalendarNotice:
    """Keep a notice and let it move what it moves. Raises NoticeInvalidProblem, NoticeKnownProblem."""
    notice = await import_notice(session, actor, request)
    await defer(session, reproject_after_notice, notice_id=str(notice.id))
    return notice
