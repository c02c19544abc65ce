"""Positions: microdegrees of a declared datum to WGS-84 and back. Whoever draws maps or checks distances works in WGS-84.

GCJ-02 is the shifted display system of Chinese maps and phones, BD-09 a second shift on top of it. Their formulae are public
knowledge, not a standard; the inverse is found by iteration, well below a microdegree. Outside China nothing is shifted.
CGCS2000 and WGS-84 differ by centimetres and are taken as one.
"""

from collections.abc import Callable
from math import asin, atan2, cos, hypot, pi, radians, sin, sqrt

Degrees = tuple[float, float]
"""Latitude and longitude."""

MICRO = 1_000_000
_AXIS = 6_378_245.0  # Krasovsky 1940, metres
_ECCENTRICITY = 0.006_693_421_622_965_943  # squared
_BAIDU_LATITUDE, _BAIDU_LONGITUDE = 0.0060, 0.0065
_ITERATIONS = 12
EARTH_METRES = 6_371_008.8  # mean radius, IUGG


def to_wgs84(latitude: int, longitude: int, datum: str) -> tuple[int, int]:
    """Microdegrees of the datum (wgs84, cgcs2000, gcj02, bd09) as microdegrees of WGS-84."""
    place = (latitude / MICRO, longitude / MICRO)
    if datum == "bd09":
        place = _inverse(_gcj02_to_bd09, place)
    if datum in ("bd09", "gcj02"):
        place = _inverse(_wgs84_to_gcj02, place)
    return _micro(place)


def from_wgs84(latitude: int, longitude: int, datum: str) -> tuple[int, int]:
    """Microdegrees of WGS-84 as microdegrees of the datum."""
    place = (latitude / MICRO, longitude / MICRO)
    if datum in ("bd09", "gcj02"):
        place = _wgs84_to_gcj02(place)
    if datum == "bd09":
        place = _gcj02_to_bd09(place)
    return _micro(place)


def is_in_china(place: Degrees) -> bool:
    """The rectangle in which the shift applies; it is part of the formula, not a border."""
    latitude, longitude = place
    return 0.8293 <= latitude <= 55.8271 and 72.004 <= longitude <= 137.8347


def metres_between(one: tuple[int, int], other: tuple[int, int]) -> float:
    """The great-circle distance of two places in microdegrees of WGS-84 (haversine; within 0.6 % of the ellipsoid's)."""
    (latitude, longitude), (other_latitude, other_longitude) = (
        (radians(place[0] / MICRO), radians(place[1] / MICRO)) for place in (one, other)
    )
    half_north = sin((other_latitude - latitude) / 2)
    half_east = sin((other_longitude - longitude) / 2)
    chord = half_north**2 + cos(latitude) * cos(other_latitude) * half_east**2
    return 2 * EARTH_METRES * asin(min(1.0, sqrt(chord)))


def _micro(place: Degrees) -> tuple[int, int]:
    return round(place[0] * MICRO), round(place[1] * MICRO)


def _inverse(shift: Callable[[Degrees], Degrees], shifted: Degrees) -> Degrees:
    """The place that `shift` brings to `shifted`; unchanged outside China."""
    if not is_in_china(shifted):
        return shifted
    latitude, longitude = shifted
    for _ in range(_ITERATIONS):
        reached = shift((latitude, longitude))
        latitude += shifted[0] - reached[0]
        longitude += shifted[1] - reached[1]
    return latitude, longitude


def _wgs84_to_gcj02(place: Degrees) -> Degrees:
    if not is_in_china(place):
        return place
    latitude, longitude = place
    x, y = longitude - 105, latitude - 35
    waves = 20 * sin(6 * pi * x) + 20 * sin(2 * pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    north += (
        (waves + 20 * sin(pi * y) + 40 * sin(pi * y / 3) + 160 * sin(pi * y / 12) + 320 * sin(pi * y / 30))
        * 2
        / 3
    )
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    east += (
        (waves + 20 * sin(pi * x) + 40 * sin(pi * x / 3) + 150 * sin(pi * x / 12) + 300 * sin(pi * x / 30))
        * 2
        / 3
    )
    flattening = 1 - _ECCENTRICITY * sin(radians(latitude)) ** 2
    metres_north = radians(_AXIS * (1 - _ECCENTRICITY) / flattening**1.5)
    metres_east = radians(_AXIS * cos(radians(latitude)) / sqrt(flattening))
    return latitude + north / metres_north, longitude + east / metres_east


def _gcj02_to_bd09(place: Degrees) -> Degrees:
    if not is_in_china(place):
        return place
    latitude, longitude = place
    distance = hypot(latitude, longitude) + 0.00002 * sin(radians(latitude * 3000))
    angle = atan2(latitude, longitude) + 0.000003 * cos(radians(longitude * 3000))
    return distance * sin(angle) + _BAIDU_LATITUDE, distance * cos(angle) + _BAIDU_LONGITUDE
