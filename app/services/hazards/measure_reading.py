"""Reading on-site measures: filtered lists, and what stands beside one."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.paging import Page, PageRequest
from app.models.clocks import Clock
from app.models.hazards import Hazard
from app.models.measures import MeasureHazard, MeasureOfficer, MeasureStep, OnsiteMeasure
from app.services.hazards.measure_workflow import IN_FORCE
from app.services.identity.places import lies_in


@dataclass(frozen=True, slots=True)
class MeasureFilter:
    """What a list is narrowed to; None means all. A region includes what lies below it."""

    region_id: UUID | None = None
    enterprise_id: UUID | None = None
    site_id: UUID | None = None
    hazard_id: UUID | None = None
    status: str | None = None
    in_force: bool | None = None


async def list_measures(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: MeasureFilter
) -> Page[OnsiteMeasure]:
    """Newest first, one statement."""
    conditions: list[ColumnElement[bool]] = [OnsiteMeasure.region_id.in_(actor.regions_for("hazards:read"))]
    if narrowed.region_id is not None:
        conditions.append(lies_in(OnsiteMeasure.region_id, narrowed.region_id))
    for name in ("enterprise_id", "site_id", "status"):
        value = getattr(narrowed, name)
        if value is not None:
            conditions.append(getattr(OnsiteMeasure, name) == value)
    if narrowed.in_force is not None:
        lasting = OnsiteMeasure.status.in_(IN_FORCE)
        conditions.append(lasting if narrowed.in_force else ~lasting)
    if narrowed.hazard_id is not None:
        covering = select(MeasureHazard.measure_id).where(MeasureHazard.hazard_id == narrowed.hazard_id)
        conditions.append(OnsiteMeasure.id.in_(covering))
    if request.after:
        conditions.append(OnsiteMeasure.id < request.after[0])
    wanted = select(OnsiteMeasure).where(*conditions).order_by(OnsiteMeasure.id.desc())
    rows = list((await session.execute(wanted.limit(request.limit + 1))).scalars())
    return Page.cut(rows, request, key=lambda row: (row.id,))


async def covered_hazards(session: AsyncSession, measure_id: UUID) -> list[Hazard]:
    """The hazards a measure covers, oldest first."""
    wanted = select(Hazard).join(MeasureHazard, MeasureHazard.hazard_id == Hazard.id)
    rows = wanted.where(MeasureHazard.measure_id == measure_id).order_by(Hazard.id)
    return list((await session.execute(rows)).scalars())


async def list_measure_officers(session: AsyncSession, measure_id: UUID) -> Sequence[MeasureOfficer]:
    """Who ordered it."""
    wanted = select(MeasureOfficer).where(MeasureOfficer.measure_id == measure_id)
    return (await session.execute(wanted.order_by(MeasureOfficer.user_id))).scalars().all()


async def list_measure_steps(session: AsyncSession, measure_id: UUID) -> Sequence[MeasureStep]:
    """Its history, oldest first."""
    wanted = select(MeasureStep).where(MeasureStep.measure_id == measure_id).order_by(MeasureStep.id)
    return (await session.execute(wanted)).scalars().all()


async def list_measure_clocks(session: AsyncSession, measure_id: UUID) -> Sequence[Clock]:
    """Its clocks, the running and the ended, oldest first."""
    wanted = select(Clock).where(Clock.subject_id == measure_id).order_by(Clock.id)
    return (await session.execute(wanted)).scalars().all()
