"""Finding verdicts and sheets an actor may see: of his regions, or of a visit he was an officer of (squads cross regions)."""

from uuid import UUID

from sqlalchemy import ColumnElement, any_, exists, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.models.determinations import FactSheetRecord, VerdictRecord

READ = "determinations:read"


async def get_verdict(session: AsyncSession, actor: Actor, verdict_id: UUID) -> VerdictRecord:
    """One verdict the actor may see; raises NotFoundProblem."""
    wanted = select(VerdictRecord).where(VerdictRecord.id == verdict_id)
    own = exists().where(
        FactSheetRecord.visit_id == VerdictRecord.visit_id, _is_officer(actor), literal(actor.can(READ))
    )
    seen = wanted.where(or_(VerdictRecord.region_id.in_(actor.regions_for(READ)), own))
    verdict = (await session.execute(seen)).scalar_one_or_none()
    if verdict is None:
        raise NotFoundProblem
    return verdict


async def list_visit_sheets(session: AsyncSession, actor: Actor, visit_id: UUID) -> list[FactSheetRecord]:
    """Every sheet of a visit, oldest first; raises NotFoundProblem when there is none the actor may see."""
    wanted = select(FactSheetRecord).where(FactSheetRecord.visit_id == visit_id).order_by(FactSheetRecord.id)
    sheets = list((await session.execute(wanted)).scalars())
    regions = actor.regions_for(READ)
    if any(sheet.region_id in regions or actor.user_id in sheet.officer_ids for sheet in sheets):
        return sheets
    raise NotFoundProblem


async def require_for(
    session: AsyncSession, actor: Actor, action: str, region_id: UUID, visit_id: UUID
) -> None:
    """Raise ForbiddenProblem unless the action is granted in the region, or at all to an officer of the visit."""
    if region_id not in actor.regions_for(action) and actor.can(action):
        officer = select(FactSheetRecord.id).where(FactSheetRecord.visit_id == visit_id, _is_officer(actor))
        if (await session.execute(officer.limit(1))).first() is not None:
            return
    actor.require(action, region_id)


def _is_officer(actor: Actor) -> ColumnElement[bool]:
    return literal(actor.user_id) == any_(FactSheetRecord.officer_ids)
