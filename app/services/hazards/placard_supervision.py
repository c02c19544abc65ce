"""Who watches a placard that is up: named anew by whoever decides about it, and its clock goes along."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.db.versions import compare_and_set
from app.models.placards import Placard
from app.services.clocks.responsibility import hand_over_clocks
from app.services.hazards.errors import PlacardPersonsProblem, PlacardStateProblem
from app.services.hazards.placard_following import subject_of_placard
from app.services.hazards.placard_steps import record_placard_step
from app.services.hazards.placards import authority_watching, check_decider, check_text, get_placard


async def name_supervisor(
    session: AsyncSession, actor: Actor, placard_id: UUID, expected: int, supervisor_id: UUID, reason: str
) -> Placard:
    """Let another person of the placard's authority watch it from today on, and answer for its period; the last day stays.

    As when it is decided: he has an account that is open, and the text for the public does not name him. Raises
    PlacardStateProblem, PlacardDeciderProblem, PlacardPersonsProblem, PlacardTextProblem.
    """
    placard = await get_placard(session, actor, placard_id)
    actor.require("hazards:govern", placard.region_id)
    if placard.status != "in_force":
        raise PlacardStateProblem(state=placard.status)
    await check_decider(session, actor, placard)
    if await authority_watching(session, supervisor_id) != placard.authority_id:
        raise PlacardPersonsProblem
    await check_text(session, placard.text_zh, placard.text_en, placard.contact_id, supervisor_id)
    await compare_and_set(session, placard, expected)
    before, placard.supervisor_id = placard.supervisor_id, supervisor_id
    await session.flush()
    await hand_over_clocks(session, actor, subject_of_placard(placard))
    await record_placard_step(
        session, actor, placard, "name_supervisor", placard.status, reason, watched_by=before
    )
    return placard
