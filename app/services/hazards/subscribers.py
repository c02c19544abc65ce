"""Reactions of hazards to news from lower areas."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.events import subscribe
from app.services.clocks.events import ClockMoved
from app.services.determinations.events import MajorHazardConfirmed
from app.services.hazards.majors import mark_major
from app.services.hazards.placards import move_placard_deadline
from app.services.hazards.service import move_deadline


@subscribe(MajorHazardConfirmed)
async def make_hazards_major(session: AsyncSession, event: MajorHazardConfirmed) -> None:
    """The hazards a confirmed verdict rests on become major in the same transaction."""
    await mark_major(session, event)


@subscribe(ClockMoved)
async def move_deadlines(session: AsyncSession, event: ClockMoved) -> None:
    """A hazard shows the day its order's clock ends, a placard that of its own."""
    if (event.subject_kind, event.code) == ("hazard", "rectification"):
        await move_deadline(session, event.subject_id, event.due_on)
    if (event.subject_kind, event.code) == ("placard", "placard"):
        await move_placard_deadline(session, event.subject_id, event.due_on)
