"""Reactions of patrols to news from lower areas."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.events import subscribe
from app.services.inspections.events import PackageProcessed
from app.services.patrols.service import keep_patrol, raise_whistle


@subscribe(PackageProcessed)
async def keep_assistants_record(session: AsyncSession, event: PackageProcessed) -> None:
    """An assistant's package becomes a patrol or a whistle, in the transaction that processes it."""
    if event.envelope.patrol is not None and event.kind == "patrol":
        await keep_patrol(session, event, event.envelope.patrol)
    elif event.envelope.whistle is not None and event.kind == "whistle":
        await raise_whistle(session, event, event.envelope.whistle)
