"""Reactions of cases to news from lower areas, and what these ask of cases."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.events import subscribe
from app.services.cases.accusation import check_merged
from app.services.cases.pursued import is_pursued
from app.services.hazards.events import HazardsMerged
from app.services.hazards.proposing import recognise_made

recognise_made("case", is_pursued)


@subscribe(HazardsMerged)
async def refuse_two_fines(session: AsyncSession, event: HazardsMerged) -> None:
    """Two hazards that cases pursue by one article and stage do not become one act; the raise undoes the merging."""
    await check_merged(session, event.kept_id)
