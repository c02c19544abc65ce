"""How an enterprise answers a line: photographs of what was done, then the report that it is rectified. Officers judge it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.models.evidence import EvidenceFile
from app.models.hazards import Hazard, HazardStep
from app.models.orders import OrderLine
from app.schemas.evidence import StoredObject
from app.services.evidence.desk import DeskFile, keep_desk_file
from app.services.evidence.reading import find_bytes
from app.services.hazards.daily_limit import check_daily_limit
from app.services.hazards.errors import (
    HazardStateProblem,
    PhotographChoiceProblem,
    PhotographLimitProblem,
)
from app.services.hazards.issued import own_lines
from app.services.hazards.service import take_step
from app.services.hazards.workflow import TRANSITIONS
from app.storage.store import Kept

MOST_PHOTOGRAPHS = 200
"""Of one hazard, by its enterprise, in all its reports together."""
_ACTION = "report_rectified"


@dataclass(frozen=True, slots=True)
class LineId:
    """One hazard of one order."""

    order_id: UUID
    hazard_id: UUID


async def keep_photograph(
    session: AsyncSession, actor: Actor, line: LineId, kept: Kept, media_type: str, name: str | None
) -> EvidenceFile:
    """Register a file of a hazard under order that is durable already.

    Raises NotFoundProblem, HazardStateProblem while nothing is to be answered, PhotographLimitProblem.
    """
    hazard = await _hazard_to_answer(session, actor, line)
    number = await session.scalar(select(func.count()).select_from(_own_files(hazard.id).subquery()))
    if (number or 0) >= MOST_PHOTOGRAPHS:
        raise PhotographLimitProblem(most=MOST_PHOTOGRAPHS)
    said = DeskFile(None, hazard.id, media_type, name)
    return await keep_desk_file(session, actor, kept, said, hazard.region_id)


async def find_own_photograph(
    session: AsyncSession, actor: Actor, photograph_id: UUID, pixels: int
) -> tuple[StoredObject, UUID | None]:
    """The reduced copy of a file that the actor's own invitation brought, and its region; raises NotFoundProblem for any other,
    colleagues' and officers' too, and while there is no copy yet."""
    own = select(EvidenceFile.id).where(
        EvidenceFile.id == photograph_id, EvidenceFile.invitation_id == actor.invitation_id
    )
    if await session.scalar(own) is None:
        raise NotFoundProblem
    return await find_bytes(session, actor, photograph_id, pixels, is_shown=True)


async def report_by_enterprise(
    session: AsyncSession,
    actor: Actor,
    line: LineId,
    note: str,
    photograph_ids: Sequence[UUID],
    most_a_day: int,
) -> Hazard:
    """Say that the hazard of a line is rectified, with photographs brought before: it waits for its re-inspection.

    Raises NotFoundProblem, HazardStateProblem, DailyLimitProblem, PhotographChoiceProblem.
    """
    hazard = await _hazard_to_answer(session, actor, line)
    await check_daily_limit(session, actor, _ACTION, most_a_day)
    wanted = _own_files(hazard.id).where(EvidenceFile.id.in_(photograph_ids))
    if set((await session.execute(wanted)).scalars()) != set(photograph_ids):
        raise PhotographChoiceProblem
    return await take_step(
        session,
        actor,
        hazard,
        _ACTION,
        hazard.version,
        note=note,
        evidence_ids=list(dict.fromkeys(photograph_ids)),
        detail={"invitation_id": str(actor.invitation_id)},
    )


async def list_own_reports(session: AsyncSession, actor: Actor, line: LineId) -> list[HazardStep]:
    """What the enterprise's people have reported of the line's hazard, oldest first (at most 200); raises NotFoundProblem."""
    hazard = (await session.execute(_hazard_of(actor, line))).scalar_one_or_none()
    if hazard is None:
        raise NotFoundProblem
    wanted = select(HazardStep).where(
        HazardStep.hazard_id == hazard.id, HazardStep.action == _ACTION, HazardStep.user_id.is_(None)
    )
    return list((await session.execute(wanted.order_by(HazardStep.id).limit(200))).scalars())


async def _hazard_to_answer(session: AsyncSession, actor: Actor, line: LineId) -> Hazard:
    """Locked until the transaction ends: two reports, or a report and an officer's step, go in single file."""
    wanted = _hazard_of(actor, line).with_for_update(of=Hazard)
    hazard = (await session.execute(wanted)).scalar_one_or_none()
    if hazard is None:
        raise NotFoundProblem
    if hazard.status not in TRANSITIONS[_ACTION].sources:
        raise HazardStateProblem(state=hazard.status)
    return hazard


def _hazard_of(actor: Actor, line: LineId) -> Select[Hazard]:
    return (
        own_lines(actor)
        .with_only_columns(Hazard)
        .where(OrderLine.order_id == line.order_id, OrderLine.hazard_id == line.hazard_id)
    )


def _own_files(hazard_id: UUID) -> Select[UUID]:
    return select(EvidenceFile.id).where(
        EvidenceFile.hazard_id == hazard_id, EvidenceFile.invitation_id.is_not(None)
    )
