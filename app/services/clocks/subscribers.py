"""Reactions of clocks to news from lower areas."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.events import subscribe
from app.services.clocks.responsibility import move_to_brigade
from app.services.identity.events import UserChangedBrigade


@subscribe(UserChangedBrigade)
async def take_clocks_along(session: AsyncSession, event: UserChangedBrigade) -> None:
    """What somebody answers for is his unit's: the clocks that run go with him, as far as his authority may have them."""
    await move_to_brigade(session, SYSTEM, event.user_id, event.authority_id, event.brigade_id)
