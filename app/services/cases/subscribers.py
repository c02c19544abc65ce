"""Reactions of cases to news from lower areas."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.events import subscribe
from app.services.cases.accusation import check_merged
from app.services.hazards.events import HazardsMerged


@subscribe(HazardsMerged)
async def refuse_two_fines(session: AsyncSession, event: HazardsMerged) -> None:
    """Two hazards that cases pursue by one article and stage do not become one act; the raise undoes the merging."""
    await check_merged(session, event.kept_id)
