"""What happens to patrols and whistles: kept, raised, acknowledged, handled, dismissed. One verb, one step."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.core.events import publish
from app.core.ids import new_id
from app.db.versions import compare_and_set
from app.enums.inspections import ENFORCEMENT_KINDS
from app.models.inspections import Visit
from app.models.patrols import Patrol, Whistle, WhistleStep
from app.schemas.mobile.packages import PatrolContent, WhistleContent
from app.schemas.patrols import WhistledHazard
from app.services.audit.service import record_act
from app.services.hazards.reporting import Report, report_hazard
from app.services.inspections.events import ForkChosen, PackageProcessed
from app.services.patrols.errors import HandlingVisitProblem, WhistleStateProblem
from app.services.patrols.events import WhistleRaised
from app.services.patrols.workflow import TRANSITIONS


async def keep_patrol(session: AsyncSession, event: PackageProcessed, content: PatrolContent) -> None:
    """Write the patrol record of a package; the one whose place it takes is marked superseded."""
    if event.stands:
        await _supersede(session, Patrol, event.supersedes_id)
    session.add(
        Patrol(
            **_common(event),
            patrolled_on=event.legal_date,
            note=content.note,
            points=[point.model_dump(mode="json") for point in content.points],
            abnormal_points=sum(point.outcome == "abnormal" for point in content.points),
        )
    )
    await session.flush()
    await record_act(
        session,
        _author(event),
        action="patrols:log",
        kind="patrol",
        object_id=event.package_id,
        version=1,
        region_id=event.region_id,
        after={"site_id": event.site_id},
    )


async def raise_whistle(session: AsyncSession, event: PackageProcessed, content: WhistleContent) -> None:
    """Write the whistle of a package and tell of it; the one whose place it takes is superseded and takes no further step."""
    if event.stands:
        await _supersede(session, Whistle, event.supersedes_id)
    whistle = Whistle(
        **_common(event),
        raised_on=event.legal_date,
        what=content.what,
        urgency=content.urgency,
        status="raised",
        version=1,
    )
    session.add(whistle)
    await session.flush()
    await _record_step(session, _author(event), whistle, "raise", None)
    if event.stands:
        await _tell(session, whistle)


async def choose_fork(session: AsyncSession, event: ForkChosen) -> None:
    """A person has chosen another correction: its patrol or whistle stands, and the one that stood is superseded."""
    await _supersede(session, Patrol, event.replaced_id)
    await _supersede(session, Whistle, event.replaced_id)
    patrol = await session.get(Patrol, event.package_id)
    if patrol is not None:
        patrol.is_superseded = False
    whistle = await session.get(Whistle, event.package_id)
    if whistle is not None:
        whistle.is_superseded = False
        await _tell(session, whistle)
    await session.flush()


async def _tell(session: AsyncSession, whistle: Whistle) -> None:
    await publish(
        session,
        WhistleRaised(whistle.id, whistle.enterprise_id, whistle.site_id, whistle.region_id, whistle.urgency),
    )


async def _supersede(
    session: AsyncSession, table: type[Patrol] | type[Whistle], record_id: UUID | None
) -> None:
    values: dict[str, Any] = {"is_superseded": True}
    if table is Whistle:
        values["version"] = Whistle.version + 1
    await session.execute(
        update(table).where(table.id == record_id).values(values),
        execution_options={"synchronize_session": False},
    )


def _common(event: PackageProcessed) -> dict[str, Any]:
    return {
        "id": event.package_id,
        "visit_id": event.visit_id,
        "authority_id": event.authority_id,
        "enterprise_id": event.enterprise_id,
        "site_id": event.site_id,
        "region_id": event.region_id,
        "user_id": event.user_id,
        "evidence_ids": list(dict.fromkeys(row.id for row in event.envelope.evidence)),
        "supersedes_id": event.supersedes_id,
        "is_superseded": not event.stands,
    }


def _author(event: PackageProcessed) -> Actor:
    return Actor(
        kind="user",
        user_id=event.user_id,
        device_id=event.envelope.device_id,
        authority_id=event.authority_id,
    )


async def get_patrol(session: AsyncSession, actor: Actor, patrol_id: UUID) -> Patrol:
    """One patrol of the actor's regions; raises NotFoundProblem."""
    wanted = select(Patrol).where(
        Patrol.id == patrol_id, Patrol.region_id.in_(actor.regions_for("patrols:read"))
    )
    patrol = (await session.execute(wanted)).scalar_one_or_none()
    if patrol is None:
        raise NotFoundProblem
    return patrol


async def get_whistle(session: AsyncSession, actor: Actor, whistle_id: UUID) -> Whistle:
    """One whistle of the actor's regions; raises NotFoundProblem."""
    wanted = select(Whistle).where(
        Whistle.id == whistle_id, Whistle.region_id.in_(actor.regions_for("patrols:read"))
    )
    whistle = (await session.execute(wanted)).scalar_one_or_none()
    if whistle is None:
        raise NotFoundProblem
    return whistle


async def list_steps(session: AsyncSession, whistle_id: UUID) -> Sequence[WhistleStep]:
    """A whistle's history, oldest first."""
    wanted = select(WhistleStep).where(WhistleStep.whistle_id == whistle_id).order_by(WhistleStep.id)
    return (await session.execute(wanted)).scalars().all()


async def acknowledge_whistle(
    session: AsyncSession, actor: Actor, whistle_id: UUID, expected: int, note: str | None
) -> Whistle:
    """Say that the call was heard."""
    return await _step(session, actor, whistle_id, "acknowledge", expected, note=note)


async def handle_whistle(
    session: AsyncSession,
    actor: Actor,
    whistle_id: UUID,
    expected: int,
    note: str,
    visit_id: UUID | None,
    hazard: WhistledHazard | None = None,
) -> Whistle:
    """Say what was done, naming the enforcement visit that did it when there was one; register what the whistle was right about."""
    whistle = await get_whistle(session, actor, whistle_id)
    if visit_id is not None:
        visit = await session.get(Visit, visit_id)
        if (
            visit is None
            or visit.region_id not in actor.regions_for("inspections:read")
            or visit.site_id != whistle.site_id
            or visit.kind not in ENFORCEMENT_KINDS
        ):
            raise HandlingVisitProblem
    handled = await _step(session, actor, whistle_id, "handle", expected, note=note, visit_id=visit_id)
    if hazard is not None:
        actor.require("hazards:report", handled.region_id)
        await report_hazard(session, actor, _whistled(handled, hazard))
    return handled


def _whistled(whistle: Whistle, hazard: WhistledHazard) -> Report:
    """The whistle as what a hazard is registered from; found today at the latest, for a phone's clock may run ahead."""
    return Report(
        source="patrol",
        site_id=whistle.site_id,
        authority_id=whistle.authority_id,
        found_on=min(whistle.raised_on, shanghai_today()),
        whistle_id=whistle.id,
        evidence_ids=whistle.evidence_ids,
        **hazard.model_dump(),
    )


async def dismiss_whistle(
    session: AsyncSession, actor: Actor, whistle_id: UUID, expected: int, reason: str
) -> Whistle:
    """Say why nothing is to be done."""
    return await _step(session, actor, whistle_id, "dismiss", expected, note=reason)


async def _step(
    session: AsyncSession,
    actor: Actor,
    whistle_id: UUID,
    action: str,
    expected: int,
    *,
    note: str | None,
    visit_id: UUID | None = None,
) -> Whistle:
    """Compare and set (one that is superseded is another version), and write history, audit and change rows beside it."""
    whistle = await get_whistle(session, actor, whistle_id)
    transition = TRANSITIONS[action]
    actor.require(transition.permission, whistle.region_id)
    before = whistle.status
    if whistle.is_superseded or before not in transition.sources:
        raise WhistleStateProblem(state="superseded" if whistle.is_superseded else before)
    await compare_and_set(session, whistle, expected, status=transition.target, handling_visit_id=visit_id)
    await _record_step(session, actor, whistle, action, before, note=note, visit_id=visit_id)
    return whistle


async def _record_step(
    session: AsyncSession,
    actor: Actor,
    whistle: Whistle,
    action: str,
    before: str | None,
    *,
    note: str | None = None,
    visit_id: UUID | None = None,
) -> None:
    session.add(
        WhistleStep(
            id=new_id(),
            whistle_id=whistle.id,
            action=action,
            from_status=before,
            to_status=whistle.status,
            user_id=actor.user_id,
            visit_id=visit_id,
            note=note,
        )
    )
    await session.flush()
    await record_act(
        session,
        actor,
        action=f"patrols:{action}",
        kind="whistle",
        object_id=whistle.id,
        version=whistle.version,
        region_id=whistle.region_id,
        before={"status": before} if before else None,
        after={"status": whistle.status},
    )
