"""Deciding about a fork: a person lets it stand, or sets it aside; until then the first stands. Neither is ever deleted."""

from typing import Literal
from uuid import UUID

from sqlalchemy import select, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.events import publish
from app.core.ids import new_id
from app.db.versions import compare_and_set
from app.models.inspections import Package, PackageIntake, RevisionVerdict
from app.services.audit.service import record_act
from app.services.inspections.context import Named, read_context
from app.services.inspections.errors import ForkDecidedProblem, StandingChangedProblem
from app.services.inspections.events import ForkChosen
from app.services.inspections.intake import Arrived
from app.services.inspections.policy import read_action
from app.services.inspections.processing import let_stand
from app.services.inspections.revisions import Replaced, step_down
from app.services.inspections.sealing import read_envelope

ForkDecision = Literal["chosen", "set_aside"]
JUDGE = "inspections:judge"


async def find_readable(session: AsyncSession, actor: Actor, package_id: UUID) -> Package:
    """A package whose kind the actor reads in its region; raises NotFoundProblem."""
    package = await session.get(Package, package_id)
    if package is None or package.region_id not in actor.regions_for(read_action(package.kind)):
        raise NotFoundProblem
    return package


async def decide_fork(
    session: AsyncSession, actor: Actor, package_id: UUID, expected: int, decision: ForkDecision, reason: str
) -> None:
    """Let a fork take the place of what stands in its line, with all that follows; or set it aside.

    Raises NotFoundProblem, ForbiddenProblem, ForkDecidedProblem, StandingChangedProblem (a correction came at that moment).
    """
    package = await find_readable(session, actor, package_id)
    actor.require(JUDGE, package.region_id)
    if package.fork_status != "open":
        raise ForkDecidedProblem
    standing = await _hold_standing(session, package.root_id) if decision == "chosen" else None
    await compare_and_set(session, package, expected, fork_status=decision)
    session.add(
        RevisionVerdict(
            id=new_id(),
            package_id=package_id,
            replaced_id=standing.id if standing else None,
            decision=decision,
            reason=reason,
            user_id=actor.user_id,
        )
    )
    await session.flush()
    await record_act(
        session, actor, action="inspections:judge_fork", kind="package", object_id=package_id, version=expected + 1,
        region_id=package.region_id, after={"fork_status": decision}, detail={"reason": reason},
    )  # fmt: skip
    if standing is not None:
        await _let_stand(session, actor, package, standing)


async def _hold_standing(session: AsyncSession, root_id: UUID) -> Replaced:
    """What stands in the line, locked."""
    wanted = select(Package.id, Package.visit_id).where(Package.root_id == root_id, Package.is_standing)
    found = (await session.execute(wanted.with_for_update())).one_or_none()
    if found is None:
        raise StandingChangedProblem
    return Replaced(found.id, found.visit_id)


async def _let_stand(session: AsyncSession, actor: Actor, package: Package, standing: Replaced) -> None:
    """The fork takes effect as a correction of what stood: what that did not say is registered, the visit judged again."""
    if not await step_down(session, actor, standing.id):
        raise StandingChangedProblem
    intake = await session.get_one(PackageIntake, package.id)
    envelope = read_envelope(intake.sealed)
    arrived = Arrived(
        package.id, intake.sha256, intake.sealed, envelope, intake.device_id, intake.user_id, intake.received_at,
        intake.origin,
    )  # fmt: skip
    context = await read_context(session, Named(intake.device_id, package.id, envelope))
    row = {name: getattr(package, name) for name in ("id", "visit_id", "region_id", "risk_unit_id")}
    withdrawn = await let_stand(session, actor, arrived, context, row, standing)
    flags = type_coerce(withdrawn, JSONB)
    await session.execute(
        update(Package)
        .where(Package.id == package.id)
        .values(is_standing=True, issues=Package.issues.op("||")(flags)),
        execution_options={"synchronize_session": False},
    )
    await publish(session, ForkChosen(package.id, standing.id))
