"""The open hazards on a map: placed by their sites, clustered by a grid in PostgreSQL, so that what travels fits a screen."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Integer, Row, case, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.geo import MICRO, from_wgs84, to_wgs84
from app.models.enterprises import Enterprise, Site
from app.models.hazards import Hazard
from app.schemas.hazard_maps import HazardFeature, HazardMap, HazardsHere, Point
from app.services.hazards.errors import BoundingBoxProblem
from app.services.hazards.registry import HazardFilter, conditions_of, overdue_now

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


def cell_size(zoom: int) -> int:
    """The side of a cell in microdegrees."""
    return 360 * MICRO // (CELLS_PER_TILE << zoom)


async def map_hazards(
    session: AsyncSession, actor: Actor, box: Box, zoom: int, narrowed: HazardFilter, limit: int
) -> HazardMap:
    """One statement. A site lies in its cell wherever the box is; the feature stands at the middle of its sites."""
    if box.west >= box.east or box.south >= box.north:
        raise BoundingBoxProblem
    south, west, north, east = _stored(box)
    places = (
        select(
            Site.id,
            Site.latitude,
            Site.longitude,
            *_cell(zoom),
            func.count().label("hazards"),
            func.count().filter(Hazard.level == "major").label("major"),
            func.count().filter(overdue_now()).label("overdue"),
        )
        .join(Hazard, Hazard.site_id == Site.id)
        .where(*conditions_of(actor.regions_for("hazards:read"), narrowed), Hazard.status != "closed")
        .where(Site.latitude.between(south, north), Site.longitude.between(west, east))
        .group_by(Site.id)
        .subquery()
    )
    grouping = [places.c.row, places.c.column, *([places.c.id] if zoom >= SINGLE_ZOOM else [])]
    clusters = (
        select(
            places.c.row,
            places.c.column,
            func.count().label("sites"),
            cast(func.sum(places.c.hazards), Integer).label("hazards"),
            cast(func.sum(places.c.major), Integer).label("major"),
            cast(func.sum(places.c.overdue), Integer).label("overdue"),
            cast(func.round(func.avg(places.c.latitude)), Integer).label("latitude"),
            cast(func.round(func.avg(places.c.longitude)), Integer).label("longitude"),
            case((func.count() == 1, func.array_agg(places.c.id)[1])).label("site_id"),
        )
        .group_by(*grouping)
        .order_by(
            func.sum(places.c.hazards).desc(), places.c.row, places.c.column, func.array_agg(places.c.id)[1]
        )
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


def _cell(zoom: int) -> list[Any]:
    """Row and column of the grid, counted from the south pole and the 180th meridian."""
    size = literal(cell_size(zoom), Integer)
    row = func.div(Site.latitude + 90 * MICRO, size)
    column = func.div(Site.longitude + 180 * MICRO, size)
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
