"""Reading the registry: filtered lists, counts, one hazard with its steps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.paging import Page, PageRequest
from app.enums.hazards import ReinspectionOutcome
from app.models.enterprises import Enterprise
from app.models.hazards import Hazard, HazardReport, HazardStep
from app.services.hazards.recurrences import came_back, has_come_back, returns_are_few
from app.services.hazards.standing import MergedPhotographs, these_and_above
from app.services.hazards.totals import TotalsFilter, count_by_level_and_state
from app.services.identity.places import lies_in


@dataclass(frozen=True, slots=True)
class ReinspectionPhotos:
    """One re-inspection of a hazard: what it found, the ids of the photographs before, of the reported rectification, and after."""

    visit_id: UUID | None
    on_date: date
    is_rectified: bool
    outcome: str
    note: str | None
    before: Sequence[UUID]
    rectification: Sequence[UUID]
    after: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class HazardFilter:
    """What a list is narrowed to; None means all. `region_id` includes everything below it."""

    region_id: UUID | None = None
    level: str | None = None
    status: str | None = None
    overdue: bool | None = None
    trade: str | None = None
    clause: str | None = None
    enterprise_id: UUID | None = None
    site_id: UUID | None = None
    risk_unit_id: UUID | None = None
    found_from: date | None = None
    found_until: date | None = None
    recurrent: bool | None = None
    source: str | None = None
    suspected: bool | None = None
    merged: bool | None = None


async def list_hazards(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: HazardFilter
) -> Page[Hazard]:
    """Newest first, one statement; two where it is narrowed to what came back."""
    begin = await begins_with_returns(session, narrowed)
    conditions = conditions_of(actor.regions_for("hazards:read"), narrowed, from_returns=begin)
    if request.after:
        conditions.append(Hazard.id < request.after[0])
    wanted = select(Hazard).where(*conditions).order_by(Hazard.id.desc()).limit(request.limit + 1)
    return Page.cut(list((await session.execute(wanted)).scalars()), request, key=lambda row: (row.id,))


async def count_hazards(
    session: AsyncSession, actor: Actor, narrowed: HazardFilter
) -> list[tuple[str, str, int, int]]:
    """(level, status, number, of these overdue) under the same filters: by the tallies where they know every filter given."""
    if tallied := _tallied(narrowed):
        return await count_by_level_and_state(session, actor, tallied)
    conditions = conditions_of(actor.regions_for("hazards:read"), narrowed, from_returns=True)
    return await count_where(session, conditions)


async def count_where(
    session: AsyncSession, conditions: Iterable[ColumnElement[bool]]
) -> list[tuple[str, str, int, int]]:
    """The same of the rows that obey the conditions (see conditions_of), one statement."""
    overdue = func.count().filter(overdue_now())
    wanted = (
        select(Hazard.level, Hazard.status, func.count(), overdue)
        .where(*conditions)
        .group_by(Hazard.level, Hazard.status)
        .order_by(Hazard.level, Hazard.status)
    )
    return [(level, status, number, late) for level, status, number, late in await session.execute(wanted)]


async def list_steps(session: AsyncSession, hazard_id: UUID) -> list[HazardStep]:
    """A hazard's history, oldest first."""
    wanted = select(HazardStep).where(HazardStep.hazard_id == hazard_id)
    return list((await session.execute(wanted.order_by(HazardStep.id))).scalars())


def reinspections_of(
    hazard: Hazard, steps: Sequence[HazardStep], merged: Sequence[MergedPhotographs]
) -> list[ReinspectionPhotos]:
    """Each re-inspection among a hazard's steps, oldest first; before it, also the photographs of what had been merged by then."""
    found: list[ReinspectionPhotos] = []
    reported: Sequence[UUID] = ()
    for step in steps:
        if step.action == "report_rectified":
            reported = step.evidence_ids
        elif (outcome := step.outcome) is not None:
            found.append(
                ReinspectionPhotos(
                    step.visit_id,
                    step.on_date,
                    step.action == "reinspect",
                    outcome,
                    step.note,
                    [
                        *hazard.evidence_ids,
                        *(
                            identifier
                            for one in merged
                            if one.merged_by < step.id and one.merged_on <= step.on_date
                            for identifier in one.evidence_ids
                        ),
                    ],
                    reported,
                    step.evidence_ids,
                )
            )
            reported = ()
    return found


def _tallied(narrowed: HazardFilter) -> TotalsFilter | None:
    """The same as the tallies are asked; None when something is wanted that they do not tell apart."""
    given = {one.name: getattr(narrowed, one.name) for one in fields(HazardFilter)}
    wanted = {name: value for name, value in given.items() if value is not None}
    known = {one.name for one in fields(TotalsFilter)}
    return TotalsFilter(**wanted) if wanted.keys() <= known else None


def overdue_now() -> ColumnElement[bool]:
    """The same as workflow.is_overdue today, in SQL."""
    return (Hazard.status == "ordered") & (Hazard.due_on < shanghai_today())


async def begins_with_returns(session: AsyncSession, narrowed: HazardFilter) -> bool:
    """Whether a page under the filters is found sooner by reading every return; where nothing else is asked, no statement."""
    return narrowed.recurrent is True and await returns_are_few(session)


def conditions_of(
    regions: Iterable[UUID], narrowed: HazardFilter, *, from_returns: bool = False
) -> list[ColumnElement[bool]]:
    """What rows of these regions obey under the filters.

    `from_returns`: what came back is found by reading every return, as a statement does that reads all hazards, or a page where
    returns are few (begins_with_returns); otherwise each row is looked up.
    """
    is_merged = Hazard.merged_into_id.is_not(None)
    conditions: list[ColumnElement[bool]] = [
        Hazard.region_id.in_(regions),
        is_merged if narrowed.merged else ~is_merged,
    ]
    if narrowed.region_id is not None:
        conditions.append(lies_in(Hazard.region_id, narrowed.region_id))
    for name in ("level", "status", "clause", "enterprise_id", "site_id", "risk_unit_id", "source"):
        value = getattr(narrowed, name)
        if value is not None:
            conditions.append(getattr(Hazard, name) == value)
    if narrowed.overdue is not None:
        late = func.coalesce(overdue_now(), False)
        conditions.append(late if narrowed.overdue else ~late)
    if narrowed.recurrent is not None:
        returned = came_back() if from_returns else has_come_back()
        conditions.append(returned if narrowed.recurrent else ~returned)
    if narrowed.suspected is not None:
        of_clause = select(HazardReport.hazard_id).where(HazardReport.suspected_by.is_not(None))
        is_suspected = Hazard.id.in_(these_and_above(of_clause)) & (Hazard.level == "general")
        conditions.append(is_suspected if narrowed.suspected else ~is_suspected)
    if narrowed.trade is not None:
        of_trade = select(Enterprise.id).where(Enterprise.regulated_trades.contains([narrowed.trade]))
        conditions.append(Hazard.enterprise_id.in_(of_trade))
    if narrowed.found_from:
        conditions.append(Hazard.found_on >= narrowed.found_from)
    if narrowed.found_until:
        conditions.append(Hazard.found_on <= narrowed.found_until)
    return conditions


def found_aggravated() -> ColumnElement[bool]:
    """Steps by which a re-inspection found a hazard worse than it was."""
    return HazardStep.detail.contains({"outcome": ReinspectionOutcome.AGGRAVATED.value})
