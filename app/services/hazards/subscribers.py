"""Reactions of hazards to news from lower areas."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.events import subscribe
from app.services.determinations.events import MajorHazardConfirmed
from app.services.hazards.majors import mark_major


@subscribe(MajorHazardConfirmed)
async def make_hazards_major(session: AsyncSession, event: MajorHazardConfirmed) -> None:
    """The hazards a confirmed verdict rests on become major in the same transaction."""
    await mark_major(session, event)
