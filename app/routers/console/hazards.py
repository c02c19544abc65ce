"""The hazard registry at the console."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.enums.hazards import HazardSource
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.geojson import GeoJsonResponse
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.models.hazards import Hazard, HazardRecurrence
from app.routers.console.extensions import view_of
from app.schemas.hazard_maps import HazardMap
from app.schemas.hazards import (
    CloseRequest,
    HazardCount,
    HazardDetail,
    HazardTotal,
    HazardTotals,
    HazardView,
    OrderView,
    ReboundView,
    RectifiedRequest,
    RecurrenceView,
    ReinspectionRequest,
    ReinspectionView,
    ReportView,
    SettingView,
    StepView,
)
from app.services.hazards.content import registry_settings
from app.services.hazards.duplicates import list_merged_into
from app.services.hazards.errors import ReinspectionProblem
from app.services.hazards.extensions import list_extensions_of
from app.services.hazards.mapping import Box, MapFilter, map_hazards
from app.services.hazards.order_reading import list_orders_of
from app.services.hazards.recurrences import list_recurrences, rebound_rates
from app.services.hazards.registry import (
    HazardFilter,
    count_hazards,
    list_hazards,
    list_steps,
    reinspections_of,
)
from app.services.hazards.reporting import find_report
from app.services.hazards.service import (
    close_hazard,
    get_hazard,
    record_reinspection,
    report_rectified,
)
from app.services.hazards.standing import photographs_merged_into
from app.services.hazards.totals import Dimension, TotalsFilter, totals_by
from app.services.hazards.workflow import is_overdue
from app.services.inspections.visits import get_visit, is_certified_reinspection

router = APIRouter(prefix="/hazards", tags=["hazards"])
READ = [Depends(allowed("hazards:read"))]
MANAGE = [Depends(allowed("hazards:manage"))]


Longitude = Annotated[float, Query(ge=-180, le=180)]
Latitude = Annotated[float, Query(ge=-90, le=90)]
Level = Annotated[Literal["general", "major"] | None, Query()]
Status = Annotated[Literal["found", "ordered", "rectified", "reinspected", "closed"] | None, Query()]
Code = Annotated[str | None, Query(max_length=50)]


def _filter(
    region_id: UUID | None = None,
    level: Level = None,
    status: Status = None,
    overdue: bool | None = None,
    trade: Code = None,
    clause: Code = None,
    enterprise_id: UUID | None = None,
    site_id: UUID | None = None,
    risk_unit_id: UUID | None = None,
    found_from: date | None = None,
    found_until: date | None = None,
    recurrent: bool | None = None,
    source: Annotated[HazardSource | None, Query()] = None,
    suspected: bool | None = None,
    merged: Annotated[
        bool | None, Query(description="True: those merged into others; else they are left out")
    ] = None,
) -> HazardFilter:
    return HazardFilter(
        region_id=region_id,
        level=level,
        status=status,
        overdue=overdue,
        trade=trade,
        clause=clause,
        enterprise_id=enterprise_id,
        site_id=site_id,
        risk_unit_id=risk_unit_id,
        found_from=found_from,
        found_until=found_until,
        recurrent=recurrent,
        source=source,
        suspected=suspected,
        merged=merged,
    )


Narrowed = Annotated[HazardFilter, Depends(_filter)]


def _members(hazard: Hazard) -> dict[str, Any]:
    plain = {name: getattr(hazard, name) for name in HazardView.model_fields if name != "is_overdue"}
    return {**plain, "is_overdue": is_overdue(hazard.status, hazard.due_on, shanghai_today())}


def _recurrence(row: HazardRecurrence, other_id: UUID, number: str | None) -> RecurrenceView:
    shown_id = None if number is None else other_id
    return RecurrenceView(
        hazard_id=shown_id, number=number, ground=row.ground, closed_on=row.closed_on, days=row.days
    )


def show_hazard(hazard: Hazard) -> HazardView:
    """A hazard as it is shown on the day of asking."""
    return HazardView(**_members(hazard))


async def _check(session: AsyncSession, actor: Actor, hazard_id: UUID, expected: int) -> Hazard:
    """The hazard; refuse a write on another version than the caller read."""
    hazard = await get_hazard(session, actor, hazard_id)
    check_version(hazard.version, expected)
    return hazard


def _answer(response: Response, hazard: Hazard) -> HazardView:
    """The hazard after a step, and its version then: a deadline that moves with the step takes one more."""
    set_etag(response, hazard.version)
    return show_hazard(hazard)


@router.get("", dependencies=READ)
async def get_hazards(
    actor: CurrentActor, session: ReadSession, paging: PagingOf, narrowed: Narrowed
) -> PageOf[HazardView]:
    """Hazards of the caller's regions, newest first."""
    return paging.page(await list_hazards(session, actor, paging.request, narrowed), show_hazard)


@router.get("/counts", dependencies=READ)
async def get_counts(actor: CurrentActor, session: ReadSession, narrowed: Narrowed) -> list[HazardCount]:
    """Counts by level and state, under the same filters as the list."""
    rows = await count_hazards(session, actor, narrowed)
    return [HazardCount(level=level, status=status, count=n, overdue=late) for level, status, n, late in rows]


@router.get("/totals", dependencies=READ)
async def get_totals(
    actor: CurrentActor,
    session: ReadSession,
    by: Dimension,
    region_id: UUID | None = None,
    level: Level = None,
    status: Status = None,
    trade: Code = None,
    clause: Code = None,
    overdue: bool | None = None,
) -> HazardTotals:
    """Counters of the caller's regions by one dimension, narrowed by the others; exact at the moment of asking.

    `region`: the hazard's own region; `district`: the district it lies in.
    """
    narrowed = TotalsFilter(region_id, level, status, trade, clause, overdue)
    groups, whole = await totals_by(session, actor, by, narrowed)
    shown = [HazardTotal.model_validate(one) for one in groups]
    return HazardTotals(by=by, groups=shown, whole=HazardTotal.model_validate(whole))


@router.get("/map", dependencies=READ, response_class=GeoJsonResponse)
async def get_map(
    actor: CurrentActor,
    session: ReadSession,
    west: Longitude = -180,
    south: Latitude = -90,
    east: Longitude = 180,
    north: Latitude = 90,
    zoom: Annotated[int, Query(ge=0, le=22)] = 10,
    datum: Literal["wgs84", "gcj02"] = "wgs84",
    region_id: UUID | None = None,
    level: Level = None,
    overdue: bool | None = None,
    trade: Code = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
) -> HazardMap:
    """Open hazards of the caller's regions in a box, by site or clustered for the zoom; at the sites' positions.

    `datum` is that of the box and of the answer. Hazards of sites without a position are on no map.
    """
    narrowed = MapFilter(region_id, level, overdue, trade)
    box = Box(west, south, east, north, datum)
    return await map_hazards(session, actor, box, zoom, narrowed, limit)


@router.get("/settings", dependencies=READ)
async def get_settings() -> list[SettingView]:
    """What the registry goes by where no statute gives a number, with what is to be confirmed."""
    return [
        SettingView(
            name=name, value=one["value"], unit=one["unit"], label_zh=one["label"]["zh"], label_en=one["label"]["en"],
            source_zh=one["source"]["zh"], source_en=one["source"]["en"], to_be_confirmed=one["to_be_confirmed"],
        )
        for name, one in registry_settings().items()
    ]  # fmt: skip


@router.get("/rebounds", dependencies=READ)
async def get_rebounds(
    actor: CurrentActor,
    session: ReadSession,
    closed_from: date,
    closed_until: date,
    by: Literal["clause", "item", "region"] = "clause",
    region_id: UUID | None = None,
) -> list[ReboundView]:
    """Of the hazards closed in a period: how many came back within the window, by clause, item or region, the worst first."""
    rows = await rebound_rates(session, actor, by, closed_from, closed_until, region_id)
    return [ReboundView.model_validate(row) for row in rows]


@router.get("/{hazard_id}", dependencies=READ)
async def get_one_hazard(
    hazard_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> HazardDetail:
    """One hazard with its orders, their extensions and its history."""
    hazard = await get_hazard(session, actor, hazard_id)
    set_etag(response, hazard.version)
    steps = await list_steps(session, hazard_id)
    before, after = await list_recurrences(session, actor, hazard_id)
    report = await find_report(session, hazard_id)
    merged = (await photographs_merged_into(session, [hazard_id])).get(hazard_id, [])
    return HazardDetail(
        **_members(hazard),
        came_back_from=[_recurrence(row, row.earlier_id, number) for row, number in before],
        came_back_as=[_recurrence(row, row.hazard_id, number) for row, number in after],
        merged_here=[one.id for one in await list_merged_into(session, hazard_id)],
        report=ReportView.model_validate(report) if report else None,
        orders=[OrderView.model_validate(row) for row in await list_orders_of(session, [hazard_id])],
        extensions=[view_of(one) for one in await list_extensions_of(session, hazard)],
        steps=[StepView.model_validate(row) for row in steps],
        reinspections=[
            ReinspectionView.model_validate(row) for row in reinspections_of(hazard, steps, merged)
        ],
    )


@router.post("/{hazard_id}/rectification", dependencies=MANAGE)
async def post_rectification(
    hazard_id: UUID,
    body: RectifiedRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> HazardView:
    """Record the reported rectification with its evidence."""
    await _check(session, actor, hazard_id, expected)
    return _answer(
        response, await report_rectified(session, actor, hazard_id, expected, body.note, body.evidence_ids)
    )


@router.post("/{hazard_id}/reinspection", dependencies=MANAGE)
async def post_reinspection(
    hazard_id: UUID,
    body: ReinspectionRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> HazardView:
    """Record what a re-inspection visit found of the hazard: resolved, unchanged or aggravated."""
    hazard = await _check(session, actor, hazard_id, expected)
    visit = await get_visit(session, actor, body.visit_id)
    if visit.site_id != hazard.site_id or not is_certified_reinspection(visit):
        raise ReinspectionProblem
    return _answer(
        response,
        await record_reinspection(
            session,
            actor,
            hazard_id,
            expected,
            visit_id=body.visit_id,
            visited_on=visit.visited_on,
            is_rectified=body.is_rectified,
            outcome=body.outcome,
            note=body.note,
        ),
    )


@router.post("/{hazard_id}/closure", dependencies=[Depends(allowed("hazards:close"))])
async def post_closure(
    hazard_id: UUID,
    body: CloseRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> HazardView:
    """Close a hazard that was found rectified."""
    await _check(session, actor, hazard_id, expected)
    return _answer(response, await close_hazard(session, actor, hazard_id, expected, body.note))
