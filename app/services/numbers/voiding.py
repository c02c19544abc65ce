"""Voiding a block: a phone is lost, a form was wrong. Its numbers are kept and never issued again."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import utc_now
from app.db.versions import compare_and_set
from app.schemas.numbers import BlockDetail
from app.services.audit.service import record_act
from app.services.numbers.errors import BlockVoidedProblem
from app.services.numbers.reading import get_block, show_block


async def void_block(
    session: AsyncSession, actor: Actor, block_id: UUID, expected: int, reason: str
) -> BlockDetail:
    """Void what is unused; what was used stays used, and a use that arrives later stands and is flagged.

    Raises BlockVoidedProblem, NotFoundProblem.
    """
    block = await get_block(session, actor, block_id)
    actor.require("numbers:void", block.region_id)
    if block.status != "open":
        raise BlockVoidedProblem
    voided = {"voided_at": utc_now(), "voided_by": actor.user_id, "void_reason": reason}
    await compare_and_set(session, block, expected, status="voided", **voided)
    await record_act(
        session, actor, action="numbers:void", kind="number_block", object_id=block_id, version=block.version,
        region_id=block.region_id, after={"status": "voided"}, detail={"reason": reason},
    )  # fmt: skip
    return await show_block(session, actor, block_id)
