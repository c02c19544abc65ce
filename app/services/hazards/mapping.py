"""The open hazards on a map: placed by their sites, clustered by a grid in PostgreSQL, so that what travels fits a screen.

Counted by the tallies of sites and what has changed since they were folded: exact, and as many rows as sites, not as hazards.
"""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Double,
    Integer,
    Row,
    Subquery,
    Text,
    Uuid,
    case,
    cast,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.geo import MICRO, from_wgs84, to_wgs84
from app.models.enterprises import Enterprise, Site
from app.schemas.hazard_maps import HazardFeature, HazardMap, HazardsHere, Point
from app.services.hazards.errors import BoundingBoxProblem
from app.services.hazards.tallies import BY_SITE, folded_position, pieces_of
from app.services.identity.places import lies_in

SINGLE_ZOOM = 17
"""From here on every site stands alone: a cell would be smaller than a factory."""
CELLS_PER_TILE = 4
"""A web map's tile is 256 pixels wide: a cell is 64."""


@dataclass(frozen=True, slots=True)
class Box:
    """A bounding box in degrees of its datum."""

    west: float
    south: float
    east: float
    north: float
    datum: Literal["wgs84", "gcj02"] = "wgs84"


@dataclass(frozen=True, slots=True)
class MapFilter:
    """What a map is narrowed to; None means all. `region_id` includes everything below it; `trade` is one of the enterprise's."""

    region_id: UUID | None = None
    level: str | None = None
    overdue: bool | None = None
    trade: str | None = None


def cell_size(zoom: int) -> int:
    """The side of a cell in microdegrees."""
    return 360 * MICRO // (CELLS_PER_TILE << zoom)


async def map_hazards(
    session: AsyncSession, actor: Actor, box: Box, zoom: int, narrowed: MapFilter, limit: int
) -> HazardMap:
    """Two short statements. A site lies in its cell wherever the box is; the feature stands at the middle of its sites."""
    if box.west >= box.east or box.south >= box.north:
        raise BoundingBoxProblem
    south, west, north, east = _stored(box)
    pieces = _pieces(await folded_position(session))
    number, overdue = _numbers(pieces, narrowed.overdue)
    places = (
        select(
            Site.id,
            Site.latitude,
            Site.longitude,
            *_cell(zoom),
            _sum(number).label("hazards"),
            _sum(case((pieces.c.level == "major", number), else_=0)).label("major"),
            _sum(overdue).label("overdue"),
        )
        .join(pieces, pieces.c.site_id == Site.id)
        .where(*_conditions(actor, pieces, narrowed))
        .where(Site.latitude.between(south, north), Site.longitude.between(west, east))
        .group_by(Site.id)
        .having(_sum(number) != 0)
        .subquery()
    )
    grouping = [places.c.row, places.c.column, *([places.c.id] if zoom >= SINGLE_ZOOM else [])]
    clusters = (
        select(
            places.c.row,
            places.c.column,
            func.count().label("sites"),
            *(_sum(places.c[name]).label(name) for name in ("hazards", "major", "overdue")),
            cast(func.avg(cast(places.c.latitude, Double)), Integer).label("latitude"),
            cast(func.avg(cast(places.c.longitude, Double)), Integer).label("longitude"),
            case((func.count() == 1, func.array_agg(places.c.id)[1])).label("site_id"),
        )
        .group_by(*grouping)
        .order_by(_sum(places.c.hazards).desc(), *grouping)
        .limit(limit + 1)
        .subquery()
    )
    named = (
        select(
            clusters,
            Site.name.label("site_name"),
            Enterprise.id.label("enterprise_id"),
            Enterprise.name.label("enterprise_name"),
        )
        .outerjoin(Site, Site.id == clusters.c.site_id)
        .outerjoin(Enterprise, Enterprise.id == Site.enterprise_id)
        .order_by(clusters.c.hazards.desc(), clusters.c.row, clusters.c.column, clusters.c.site_id)
    )
    rows = (await session.execute(named)).all()
    features = [_feature(row, zoom, box.datum) for row in rows[:limit]]
    return HazardMap(
        datum=box.datum,
        bbox=(box.west, box.south, box.east, box.north),
        features=features,
        is_cut=len(rows) > limit,
    )


def _pieces(position: int) -> Subquery:
    """What sums up to the open hazards of each site, by region, trades and level."""
    exact = text(pieces_of(BY_SITE)).bindparams(position=position, today=shanghai_today())
    return exact.columns(
        site_id=Uuid(), region_id=Uuid(), trades=ARRAY(Text()), level=Text(), number=Integer(), overdue=Integer()
    ).subquery("pieces")  # fmt: skip


def _numbers(pieces: Subquery, overdue: bool | None) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """How many are shown, and how many of them are overdue: all, those overdue alone, or the others."""
    if overdue is None:
        return pieces.c.number, pieces.c.overdue
    return (
        (pieces.c.overdue, pieces.c.overdue) if overdue else (pieces.c.number - pieces.c.overdue, literal(0))
    )


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    """Of plain integers, as one: PostgreSQL sums up big ones as decimals, many times slower."""
    return cast(func.sum(cast(column, Integer)), Integer)


def _conditions(actor: Actor, pieces: Subquery, narrowed: MapFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [pieces.c.region_id.in_(actor.regions_for("hazards:read"))]
    if narrowed.region_id is not None:
        conditions.append(lies_in(pieces.c.region_id, narrowed.region_id))
    if narrowed.level is not None:
        conditions.append(pieces.c.level == narrowed.level)
    if narrowed.trade is not None:
        conditions.append(pieces.c.trades.contains([narrowed.trade]))
    return conditions


def _cell(zoom: int) -> list[Any]:
    """Row and column of the grid, counted from the south pole and the 180th meridian."""
    size = literal(cell_size(zoom), Integer)
    row, column = (Site.latitude + 90 * MICRO) // size, (Site.longitude + 180 * MICRO) // size
    return [cast(row, Integer).label("row"), cast(column, Integer).label("column")]


def _stored(box: Box) -> tuple[int, int, int, int]:
    """South, west, north, east in microdegrees of WGS-84: what holds the four corners of the box."""
    corners = [
        to_wgs84(round(latitude * MICRO), round(longitude * MICRO), box.datum)
        for latitude in (box.south, box.north)
        for longitude in (box.west, box.east)
    ]
    latitudes, longitudes = zip(*corners, strict=True)
    return min(latitudes), min(longitudes), max(latitudes), max(longitudes)


def _feature(row: Row[Any], zoom: int, datum: str) -> HazardFeature:
    latitude, longitude = from_wgs84(row.latitude, row.longitude, datum)
    return HazardFeature(
        id=str(row.site_id or f"{zoom}/{row.row}/{row.column}"),
        geometry=Point(coordinates=(longitude / MICRO, latitude / MICRO)),
        properties=HazardsHere(
            hazards=row.hazards,
            major=row.major,
            overdue=row.overdue,
            sites=row.sites,
            site_id=row.site_id,
            site_name=row.site_name,
            enterprise_id=row.enterprise_id,
            enterprise_name=row.enterprise_name,
        ),
    )
