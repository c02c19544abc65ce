"""Reactions of patrols to news from lower areas."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.events import subscribe
from app.services.inspections.events import ForkChosen, PackageProcessed
from app.services.patrols.service import choose_fork, keep_patrol, raise_whistle


@subscribe(PackageProcessed)
async def keep_assistants_record(session: AsyncSession, event: PackageProcessed) -> None:
    """An assistant's package becomes a patrol or a whistle, in the transaction that processes it."""
    if event.envelope.patrol is not None and event.kind == "patrol":
        await keep_patrol(session, event, event.envelope.patrol)
    elif event.envelope.whistle is not None and event.kind == "whistle":
        await raise_whistle(session, event, event.envelope.whistle)


@subscribe(ForkChosen)
async def let_chosen_record_stand(session: AsyncSession, event: ForkChosen) -> None:
    """Of two corrections of a patrol or a whistle the other one counts from now on."""
    await choose_fork(session, event)
