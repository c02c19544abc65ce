"""Positions: against an independent library, there and back, and where nothing shifts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.geo import MICRO, from_wgs84, is_in_china, to_wgs84

prcoords = pytest.importorskip("prcoords")

LATITUDES = st.integers(3 * MICRO, 54 * MICRO)
LONGITUDES = st.integers(74 * MICRO, 135 * MICRO)


@given(LATITUDES, LONGITUDES)
def test_shifts_agree_with_an_independent_library(latitude: int, longitude: int) -> None:
    degrees = (latitude / MICRO, longitude / MICRO)
    for datum, oracle in (("gcj02", prcoords.wgs_gcj), ("bd09", prcoords.wgs_bd)):
        expected = oracle(degrees)
        north, east = from_wgs84(latitude, longitude, datum)
        assert abs(north - expected[0] * MICRO) <= 1
        assert abs(east - expected[1] * MICRO) <= 1


@given(LATITUDES, LONGITUDES, st.sampled_from(["gcj02", "bd09", "wgs84", "cgcs2000"]))
def test_there_and_back_is_the_same_place_to_two_microdegrees(
    latitude: int, longitude: int, datum: str
) -> None:
    north, east = to_wgs84(*from_wgs84(latitude, longitude, datum), datum)
    assert abs(north - latitude) <= 2
    assert abs(east - longitude) <= 2


def test_the_known_vector_holds() -> None:
    assert from_wgs84(39_915_000, 116_404_000, "gcj02") == (39_916_404, 116_410_244)
    assert to_wgs84(39_916_404, 116_410_244, "gcj02") == (39_915_000, 116_404_000)


@given(st.integers(-90 * MICRO, 90 * MICRO), st.integers(-180 * MICRO, 180 * MICRO))
def test_outside_china_nothing_shifts(latitude: int, longitude: int) -> None:
    if is_in_china((latitude / MICRO, longitude / MICRO)):
        return
    for datum in ("gcj02", "bd09", "wgs84", "cgcs2000"):
        assert to_wgs84(latitude, longitude, datum) == (latitude, longitude)
        assert from_wgs84(latitude, longitude, datum) == (latitude, longitude)
