"""The outline of a site: brought to WGS-84, and refused when it is no outline of a place of work."""

from collections.abc import Sequence
from math import cos, radians
from typing import Any

from shapely import Point, Polygon

from app.core.geo import MICRO, to_wgs84
from app.schemas.sites import Geofence
from app.services.enterprises.errors import GeofenceProblem

METRES_PER_DEGREE = 111_320.0
SMALLEST_M2, LARGEST_M2 = 10.0, 25_000_000.0


def stored_geofence(fence: Geofence) -> dict[str, Any]:
    """The corners in microdegrees of WGS-84; raises GeofenceProblem when the outline crosses itself or is no size of a site."""
    ring = [to_wgs84(latitude, longitude, fence.datum) for latitude, longitude in fence.ring]
    outline = Polygon(_in_metres(ring))
    if not outline.is_valid:
        raise GeofenceProblem(reason_zh="边界自相交或重复", reason_en="its line crosses or repeats itself")
    if not SMALLEST_M2 <= outline.area <= LARGEST_M2:
        raise GeofenceProblem(
            reason_zh="面积应在10平方米至25平方公里之间",
            reason_en="its area must lie between 10 m² and 25 km²",
        )
    return {"ring": [list(corner) for corner in ring]}


def metres_outside(ring: Sequence[tuple[int, int]], latitude: int, longitude: int) -> float:
    """How far a place lies outside a stored outline, in metres; 0 within it or on its line. All in microdegrees of WGS-84."""
    *corners, place = _in_metres([*ring, (latitude, longitude)])
    return float(Polygon(corners).distance(Point(place)))


def _in_metres(ring: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    """East and north of the first corner, on a plane that touches there: good to a few thousandths for a site."""
    first_latitude, first_longitude = ring[0]
    metres_east = METRES_PER_DEGREE * cos(radians(first_latitude / MICRO))
    return [
        (
            (longitude - first_longitude) / MICRO * metres_east,
            (latitude - first_latitude) / MICRO * METRES_PER_DEGREE,
        )
        for latitude, longitude in ring
    ]
