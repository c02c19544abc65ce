"""Proposals for overdue hazards in people's hands: read by region, and dismissed with a reason."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import NotFoundProblem
from app.core.paging import Page, PageRequest
from app.db.versions import compare_and_set
from app.models.hazards import Hazard, HazardProposal
from app.services.hazards.errors import ProposalStateProblem
from app.services.hazards.proposal_workflow import TRANSITIONS
from app.services.hazards.proposing import record_proposal
from app.services.identity.places import lies_in


@dataclass(frozen=True, slots=True)
class ProposalFilter:
    """What a list is narrowed to; None means all. A region includes what lies below it."""

    region_id: UUID | None = None
    hazard_id: UUID | None = None
    kind: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal and the hazard it is for."""

    row: HazardProposal
    hazard: Hazard


async def get_proposal(session: AsyncSession, actor: Actor, proposal_id: UUID) -> Proposal:
    """One proposal of the actor's regions; raises NotFoundProblem."""
    found = await session.execute(_readable(actor).where(HazardProposal.id == proposal_id))
    row = found.one_or_none()
    if row is None:
        raise NotFoundProblem
    return Proposal(row[0], row[1])


async def list_proposals(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: ProposalFilter
) -> Page[Proposal]:
    """Newest first, one statement."""
    conditions: list[ColumnElement[bool]] = []
    if narrowed.region_id is not None:
        conditions.append(lies_in(HazardProposal.region_id, narrowed.region_id))
    for name in ("hazard_id", "kind", "status"):
        value = getattr(narrowed, name)
        if value is not None:
            conditions.append(getattr(HazardProposal, name) == value)
    if request.after:
        conditions.append(HazardProposal.id < request.after[0])
    wanted = _readable(actor).where(*conditions).order_by(HazardProposal.id.desc()).limit(request.limit + 1)
    found = [Proposal(row[0], row[1]) for row in await session.execute(wanted)]
    return Page.cut(found, request, key=lambda one: (one.row.id,))


async def dismiss_proposal(
    session: AsyncSession, actor: Actor, proposal_id: UUID, expected: int, reason: str
) -> Proposal:
    """Nothing is made of it, and why. Raises ProposalStateProblem."""
    proposal = await get_proposal(session, actor, proposal_id)
    row, transition = proposal.row, TRANSITIONS["dismiss"]
    assert transition.permission is not None
    actor.require(transition.permission, row.region_id)
    if row.status not in transition.sources:
        raise ProposalStateProblem(state=row.status)
    settled = {"settled_by": actor.user_id, "settled_at": utc_now(), "settled_reason": reason}
    await compare_and_set(session, row, expected, status=transition.target, **settled)
    await record_proposal(session, actor, row, "dismiss", "open")
    return proposal


def _readable(actor: Actor) -> Select[HazardProposal, Hazard]:
    wanted = select(HazardProposal, Hazard).join(Hazard, Hazard.id == HazardProposal.hazard_id)
    return wanted.where(HazardProposal.region_id.in_(actor.regions_for("hazards:read")))
