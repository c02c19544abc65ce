"""Reactions of hazards to news from lower areas."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.events import subscribe
from app.services.clocks.events import ClockMoved, MoveBegun
from app.services.determinations.events import MajorHazardConfirmed
from app.services.hazards.majors import mark_major
from app.services.hazards.placards import hold_placards, move_placard_deadline
from app.services.hazards.service import hold_hazards, move_deadline


@subscribe(MajorHazardConfirmed)
async def make_hazards_major(session: AsyncSession, event: MajorHazardConfirmed) -> None:
    """The hazards a confirmed verdict rests on become major in the same transaction."""
    await mark_major(session, event)


@subscribe(MoveBegun)
async def hold_what_moves(session: AsyncSession, event: MoveBegun) -> None:
    """Hazards and placards are locked before their clocks are, as those who take steps with them do."""
    await hold_hazards(session, event.subjects.get("hazard", ()))
    await hold_placards(session, event.subjects.get("placard", ()))


@subscribe(ClockMoved)
async def move_deadlines(session: AsyncSession, event: ClockMoved) -> None:
    """A hazard shows the day its order's clock ends, a placard that of its own."""
    if (event.subject_kind, event.code) == ("hazard", "rectification"):
        await move_deadline(session, event.subject_id, event.due_on)
    if (event.subject_kind, event.code) == ("placard", "placard"):
        await move_placard_deadline(session, event.subject_id, event.due_on)
