"""Judging provenance: every limit at its edge, what is not known is no flag, and reasons that carry their numbers."""

import dataclasses
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.geo import from_wgs84, metres_between
from app.enums.evidence import Outcome, ProvenanceCheck
from app.services.evidence.decoding import examine
from app.services.evidence.judging import _camera
from app.services.evidence.likeness import Turn
from app.services.evidence.provenance import (
    Camera,
    Capture,
    Check,
    Facts,
    Fix,
    judge,
    judge_duplicate,
    score_of,
)
from app.services.evidence.standards import standards_with

STANDARDS = standards_with(150)
NOON = datetime(2026, 11, 25, 4, 0, 0, tzinfo=UTC)  # 12:00 in Beijing
RECEIVED = NOON + timedelta(hours=1)
HERE = (30_274_085, 120_155_070)
DEGREE_M = 111_195.08  # of latitude, on the sphere of metres_between


def north(metres: float) -> tuple[int, int]:
    """A place so far north of HERE."""
    return HERE[0] + round(metres / DEGREE_M * 1_000_000), HERE[1]


def fix(metres: float = 0, accuracy_m: int | None = 10) -> Fix:
    return Fix(place=north(metres), accuracy_m=accuracy_m)


def of(check: str, **known: Any) -> Check:
    """What one check finds in these facts."""
    found = {one.code: one for one in judge(Facts(**{"received_at": RECEIVED} | known), STANDARDS)}
    return found[ProvenanceCheck(check)]


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


SQUARE = (
    (30_274_000, 120_155_000),
    (30_274_000, 120_156_000),
    (30_275_000, 120_156_000),
    (30_275_000, 120_155_000),
)
"""About 111 m by 96 m."""


def north_of_square(metres: float) -> Fix:
    place = (30_275_000 + round(metres / 111_320 * 1_000_000), 120_155_500)
    return Fix(place=place, accuracy_m=10)


def camera(**known: Any) -> Camera:
    return Camera(**known)


def travelled(metres: float, seconds: float, **more: Any) -> dict[str, Any]:
    before = Capture(captured_at=NOON, fix=fix(0, 0), **more)
    return {"captured_at": later(seconds), "fix": fix(metres, 0), "previous": before}


def sealed(seconds_by_clock: float, seconds_by_running: float) -> dict[str, Any]:
    return {
        "captured_at": NOON,
        "sealed_at": later(seconds_by_clock),
        "monotonic_ms": 5_000,
        "sealed_monotonic_ms": 5_000 + round(seconds_by_running * 1000),
    }


FLAGGED, FINE, UNKNOWN = Outcome.FLAGGED, Outcome.FINE, Outcome.UNKNOWN

BOUNDARIES: list[tuple[str, str, dict[str, Any], Outcome]] = [
    ("source", "camera", {"source": "camera"}, FINE),
    ("source", "gallery", {"source": "gallery"}, FLAGGED),
    ("source", "file", {"source": "file"}, FLAGGED),
    ("source", "not declared", {}, UNKNOWN),
    ("exif_missing", "nothing named", {"camera": camera(software="WeChat")}, FLAGGED),
    ("exif_missing", "model named", {"camera": camera(model="Mate 60")}, FINE),
    ("exif_missing", "time named", {"camera": camera(taken_at=NOON)}, FINE),
    ("exif_missing", "not read", {}, UNKNOWN),
    ("exif_time", "below", {"captured_at": later(119), "camera": camera(taken_at=NOON)}, FINE),
    ("exif_time", "at", {"captured_at": later(120), "camera": camera(taken_at=NOON)}, FINE),
    ("exif_time", "above", {"captured_at": later(121), "camera": camera(taken_at=NOON)}, FLAGGED),
    ("exif_time", "at, earlier", {"captured_at": later(-120), "camera": camera(taken_at=NOON)}, FINE),
    ("exif_time", "above, earlier", {"captured_at": later(-121), "camera": camera(taken_at=NOON)}, FLAGGED),
    ("exif_time", "wall time read as Beijing time",
     {"captured_at": NOON, "camera": camera(taken_at=datetime(2026, 11, 25, 12, 2))}, FINE),  # noqa: DTZ001
    ("exif_time", "wall time above",
     {"captured_at": NOON, "camera": camera(taken_at=datetime(2026, 11, 25, 12, 2, 1))}, FLAGGED),  # noqa: DTZ001
    ("exif_time", "no declared time", {"camera": camera(taken_at=NOON)}, UNKNOWN),
    ("exif_time", "no camera time", {"captured_at": NOON, "camera": camera()}, UNKNOWN),
    ("exif_time", "not read", {"captured_at": NOON}, UNKNOWN),
    ("capture_ahead_of_receipt", "below", {"captured_at": RECEIVED + timedelta(seconds=299)}, FINE),
    ("capture_ahead_of_receipt", "at", {"captured_at": RECEIVED + timedelta(seconds=300)}, FINE),
    ("capture_ahead_of_receipt", "above", {"captured_at": RECEIVED + timedelta(seconds=301)}, FLAGGED),
    ("capture_ahead_of_receipt", "no declared time", {}, UNKNOWN),
    ("exif_ahead_of_receipt", "at", {"camera": camera(taken_at=RECEIVED + timedelta(seconds=300))}, FINE),
    ("exif_ahead_of_receipt", "above", {"camera": camera(taken_at=RECEIVED + timedelta(seconds=301))}, FLAGGED),
    ("exif_ahead_of_receipt", "below", {"camera": camera(taken_at=RECEIVED + timedelta(seconds=299))}, FINE),
    ("exif_ahead_of_receipt", "no camera time", {"camera": camera()}, UNKNOWN),
    ("late_receipt", "below", {"captured_at": RECEIVED - timedelta(days=3) + timedelta(seconds=1)}, FINE),
    ("late_receipt", "at", {"captured_at": RECEIVED - timedelta(days=3)}, FINE),
    ("late_receipt", "above", {"captured_at": RECEIVED - timedelta(days=3, seconds=1)}, FLAGGED),
    ("late_receipt", "no declared time", {}, UNKNOWN),
    ("exif_satellite_time", "below", {"camera": camera(taken_at=NOON, satellite_at=later(599))}, FINE),
    ("exif_satellite_time", "at", {"camera": camera(taken_at=NOON, satellite_at=later(600))}, FINE),
    ("exif_satellite_time", "above", {"camera": camera(taken_at=NOON, satellite_at=later(601))}, FLAGGED),
    ("exif_satellite_time", "no satellite time", {"camera": camera(taken_at=NOON)}, UNKNOWN),
    ("device_clock", "below", sealed(600, 481), FINE),
    ("device_clock", "at", sealed(600, 480), FINE),
    ("device_clock", "above", sealed(600, 479), FLAGGED),
    ("device_clock", "set back", sealed(-60, 61), FLAGGED),
    ("device_clock", "restarted", sealed(600, -1), UNKNOWN),
    ("device_clock", "no running time", {"captured_at": NOON, "sealed_at": later(5)}, UNKNOWN),
    ("mock_position", "mocked", {"is_mock": True}, FLAGGED),
    ("mock_position", "not mocked", {"is_mock": False}, FINE),
    ("mock_position", "no position", {}, UNKNOWN),
    ("exif_position", "below", {"fix": fix(), "camera": camera(place=north(209), datum="WGS-84")}, FINE),
    ("exif_position", "at", {"fix": fix(), "camera": camera(place=north(210), datum="WGS-84")}, FINE),
    ("exif_position", "above", {"fix": fix(), "camera": camera(place=north(211), datum="WGS-84")}, FLAGGED),
    ("exif_position", "an accuracy not stated counts as 100 m",
     {"fix": fix(0, None), "camera": camera(place=north(300), datum="WGS-84")}, FINE),
    ("exif_position", "above that", {"fix": fix(0, None), "camera": camera(place=north(301), datum="WGS-84")}, FLAGGED),
    ("exif_position", "no datum: the Chinese shift explains it",
     {"fix": fix(), "camera": camera(place=from_wgs84(*HERE, "gcj02"))}, FINE),
    ("exif_position", "the datum named: it does not",
     {"fix": fix(), "camera": camera(place=from_wgs84(*HERE, "gcj02"), datum="WGS-84")}, FLAGGED),
    ("exif_position", "a strange datum", {"fix": fix(), "camera": camera(place=HERE, datum="TOKYO")}, UNKNOWN),
    ("exif_position", "no declared position", {"camera": camera(place=HERE)}, UNKNOWN),
    ("exif_position", "no camera position", {"fix": fix(), "camera": camera()}, UNKNOWN),
    ("geofence", "within", {"fix": Fix(place=(30_274_500, 120_155_500)), "fence": SQUARE}, FINE),
    ("geofence", "below", {"fix": north_of_square(59), "fence": SQUARE}, FINE),
    ("geofence", "at", {"fix": north_of_square(60), "fence": SQUARE}, FINE),
    ("geofence", "above", {"fix": north_of_square(61), "fence": SQUARE}, FLAGGED),
    ("geofence", "no outline: below", {"fix": fix(1009), "site_place": HERE}, FINE),
    ("geofence", "no outline: at", {"fix": fix(1010), "site_place": HERE}, FINE),
    ("geofence", "no outline: above", {"fix": fix(1011), "site_place": HERE}, FLAGGED),
    ("geofence", "the outline counts where there is one", {"fix": fix(500), "site_place": HERE, "fence": SQUARE}, FLAGGED),
    ("geofence", "a site without place", {"fix": fix()}, UNKNOWN),
    ("geofence", "no declared position", {"fence": SQUARE}, UNKNOWN),
    ("exif_geofence", "within", {"camera": camera(place=(30_274_500, 120_155_500), datum="WGS-84"), "fence": SQUARE}, FINE),
    ("exif_geofence", "below", {"camera": camera(place=north_of_square(149).place, datum="WGS-84"), "fence": SQUARE}, FINE),
    ("exif_geofence", "at", {"camera": camera(place=north_of_square(150).place, datum="WGS-84"), "fence": SQUARE}, FINE),
    ("exif_geofence", "above", {"camera": camera(place=north_of_square(151).place, datum="WGS-84"), "fence": SQUARE}, FLAGGED),
    ("exif_geofence", "a site without place", {"camera": camera(place=HERE)}, UNKNOWN),
    ("software", "an editor", {"camera": camera(software="Adobe Photoshop CC (Macintosh)")}, FLAGGED),
    ("software", "a Chinese editor", {"camera": camera(software="美图秀秀 11.2")}, FLAGGED),
    ("software", "a phone's own", {"camera": camera(software="EMUI 9.1")}, FINE),
    ("software", "none named", {"camera": camera(model="Mate 60")}, UNKNOWN),
    ("speed", "below", travelled(12_416, 298), FINE),
    ("speed", "at", travelled(15_000, 360), FINE),
    ("speed", "above", travelled(15_200, 360), FLAGGED),
    ("speed", "short ways say nothing", travelled(299, 1), FINE),
    ("speed", "a way beyond that in no time", travelled(301, 0), FLAGGED),
    ("speed", "by the running time within one package",
     {**travelled(15_200, 360, monotonic_ms=0, is_same_boot=True), "monotonic_ms": 720_000}, FINE),
    ("speed", "not by that of another package", {**travelled(15_200, 360, monotonic_ms=0), "monotonic_ms": 720_000}, FLAGGED),
    ("speed", "the first of its phone", {"captured_at": NOON, "fix": fix()}, UNKNOWN),
    ("speed", "no position", {"captured_at": NOON}, UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("check", "case", "known", "outcome"), BOUNDARIES, ids=lambda value: str(value)[:50])
def test_every_check_at_its_edge(check: str, case: str, known: dict[str, Any], outcome: Outcome) -> None:
    found = of(check, **known)
    assert found.outcome is outcome, found.en
    assert (found.weight > 0) == (outcome is Outcome.FLAGGED)
    assert found.zh
    assert found.en


def test_every_check_has_a_flag_a_pass_and_an_unknown_in_the_table() -> None:
    tried = {(check, outcome) for check, _, _, outcome in BOUNDARIES}
    judged = set(ProvenanceCheck) - {ProvenanceCheck.DUPLICATE}
    assert tried == {(check.value, outcome) for check in judged for outcome in Outcome}


def test_accuracies_are_taken_off_the_way_before_the_speed() -> None:
    far = travelled(15_200, 360)
    assert of("speed", **far | {"fix": fix(15_200, 150)}).outcome is FLAGGED
    assert of("speed", **far | {"fix": fix(15_200, 250)}).outcome is FINE


def test_another_speed_can_be_set_as_impossible() -> None:
    facts = Facts(received_at=RECEIVED, **travelled(15_200, 360))
    fast = {one.code: one for one in judge(facts, standards_with(160))}
    assert fast[ProvenanceCheck.SPEED].outcome is FINE


def test_reasons_carry_the_numbers_in_both_languages() -> None:
    found = of("exif_time", captured_at=later(412), camera=camera(taken_at=NOON))
    assert found.zh == "EXIF时间2026-11-25 12:00:00，申报拍摄时间2026-11-25 12:06:52，相差6分52秒（限2分）"
    assert found.en == (
        "EXIF time 2026-11-25 12:00:00, the declared time 2026-11-25 12:06:52: 6 min 52 s apart (limit 2 min)"
    )
    assert found.compared == {"difference_s": 412, "limit_s": 120, "offset_assumed": False}
    assumed = of("exif_time", captured_at=NOON, camera=camera(taken_at=datetime(2026, 11, 25, 4)))  # noqa: DTZ001
    assert assumed.zh.endswith("按北京时间理解")
    assert assumed.compared["difference_s"] == 8 * 3600
    found = of("exif_position", fix=fix(), camera=camera(place=north(5_000), datum="WGS-84"))
    assert found.zh == "EXIF位置距申报位置5000米（限200米，另加定位误差10米）"
    found = of("speed", **travelled(20_000, 360))
    assert found.en == (
        "20.0 km from the same phone's capture before (less accuracy 0 m), 6 min later: 200 km/h (limit 150 km/h)"
    )


@pytest.mark.parametrize(
    ("is_exact", "is_same_visit", "weight"), [(True, False, 60), (True, True, 15), (False, False, 50), (False, True, 5)]
)  # fmt: skip
def test_a_duplicate_of_another_visit_weighs_more_than_one_of_this(
    is_exact: bool, is_same_visit: bool, weight: int
) -> None:
    found = judge_duplicate(
        STANDARDS, is_exact=is_exact, is_same_visit=is_same_visit, bits=6, turn=Turn.QUARTER
    )
    assert (found.outcome, found.weight) == (FLAGGED, weight)
    assert ("6" in found.en and "90°" in found.en) != is_exact


def test_the_score_ends_at_a_hundred() -> None:
    everything = judge(
        Facts(
            received_at=RECEIVED, source="gallery", is_mock=True, fence=SQUARE, **travelled(90_000, 9_000),
            camera=camera(taken_at=later(-5_000), software="GIMP", place=HERE, datum="WGS-84"),
        ),
        STANDARDS,
    )  # fmt: skip
    assert sum(check.weight for check in everything) > 100
    assert score_of(everything) == 100
    assert score_of([]) == 0


REFINED_BY = {
    "exif_missing": {"camera.make", "camera.model", "camera.taken_at"},
    "exif_position": {"fix.accuracy_m", "camera.datum"},
    "exif_geofence": {"fence", "camera.datum"},
    "geofence": {"fix.accuracy_m", "fence"},
    "speed": {"fix.accuracy_m", "monotonic_ms"},
}
"""Facts that stand in for an assumption of these checks, so that knowing them may take a flag away: and nothing else may."""

MOMENTS = st.integers(-400_000, 400_000).map(later)
PLACES = st.tuples(
    st.integers(30_200_000, 30_400_000), st.integers(120_100_000, 120_300_000)
) | st.just(HERE)  # fmt: skip
FIXES = st.builds(Fix, place=PLACES, accuracy_m=st.none() | st.integers(0, 3_000))
CAMERAS = st.builds(
    Camera,
    make=st.none() | st.just("Huawei"),
    model=st.none() | st.just("Mate 60"),
    software=st.none() | st.sampled_from(["EMUI 9.1", "Snapseed 2"]),
    taken_at=st.none() | MOMENTS,
    satellite_at=st.none() | MOMENTS,
    place=st.none() | PLACES,
    datum=st.none() | st.sampled_from(["WGS-84", "GCJ-02", "TOKYO"]),
)
CAPTURES = st.builds(
    Capture, captured_at=st.just(later(-400_000)), fix=FIXES,
    monotonic_ms=st.none() | st.integers(0, 10**9), is_same_boot=st.booleans(),
)  # fmt: skip
WHOLE = st.builds(
    Facts,
    received_at=st.just(RECEIVED),
    source=st.none() | st.sampled_from(["camera", "gallery", "file"]),
    captured_at=st.none() | MOMENTS,
    monotonic_ms=st.none() | st.integers(0, 10**9),
    sealed_at=st.none() | MOMENTS,
    sealed_monotonic_ms=st.none() | st.integers(0, 10**9),
    fix=st.none() | FIXES,
    is_mock=st.none() | st.booleans(),
    camera=st.none() | CAMERAS,
    fence=st.none() | st.just(SQUARE),
    site_place=st.none() | PLACES,
    previous=st.none() | CAPTURES,
)


def without(facts: Facts, name: str) -> Facts:
    """The same with one fact not known."""
    outer, _, inner = name.partition(".")
    if not inner:
        return dataclasses.replace(facts, **{outer: None})
    return dataclasses.replace(facts, **{outer: dataclasses.replace(getattr(facts, outer), **{inner: None})})


def known_facts(facts: Facts) -> list[str]:
    """Everything that is known and need not be."""
    names = [field.name for field in dataclasses.fields(Facts) if field.name != "received_at"]
    known = [name for name in names if getattr(facts, name) is not None]
    if facts.camera is not None:
        known += [
            f"camera.{f.name}"
            for f in dataclasses.fields(Camera)
            if getattr(facts.camera, f.name) is not None
        ]
    if facts.fix is not None and facts.fix.accuracy_m is not None:
        known.append("fix.accuracy_m")
    return known


@given(WHOLE, st.data())
def test_knowing_more_takes_no_flag_away_unless_it_replaces_a_stated_assumption(
    facts: Facts, data: st.DataObject
) -> None:
    known = known_facts(facts)
    if not known:
        return
    name = data.draw(st.sampled_from(known))
    less = {check.code: check for check in judge(without(facts, name), STANDARDS)}
    for check in judge(facts, STANDARDS):
        before = less[check.code]
        if before.outcome is FLAGGED and check.outcome is not FLAGGED:
            assert name in REFINED_BY.get(check.code.value, ()), (check.code, name)
        if before.outcome is not UNKNOWN and check.outcome is UNKNOWN:
            assert name == "camera.datum"  # a datum that is not known here


@given(WHOLE)
def test_judging_never_fails_says_everything_and_flags_nothing_unknown(facts: Facts) -> None:
    checks = judge(facts, STANDARDS)
    assert {check.code for check in checks} == set(ProvenanceCheck) - {ProvenanceCheck.DUPLICATE}
    assert checks == judge(facts, STANDARDS)
    for check in checks:
        assert (check.weight > 0) == (check.outcome is FLAGGED)
        assert bool(check.compared) == (check.outcome is not UNKNOWN) or check.code == "exif_missing"


def test_nothing_known_is_nothing_flagged() -> None:
    checks = judge(Facts(received_at=RECEIVED), STANDARDS)
    assert {check.outcome for check in checks} == {UNKNOWN}


@pytest.mark.parametrize(
    ("name", "flagged"),
    [
        ("no_exif.jpg", {"software", "exif_time"}),
        ("Canon_40D_photoshop_import.jpg", {"software", "exif_time"}),
        ("DSCN0010.jpg", {"exif_satellite_time", "exif_position", "exif_geofence", "exif_time"}),
        ("landscape_1.jpg", {"exif_missing"}),
        ("iphone_13_pro_max.HEIC", {"exif_time"}),
        ("jolla.jpg", {"exif_time"}),
    ],
)
def test_real_photographs_are_judged_by_what_they_say(
    shared_folder: Path, name: str, flagged: set[str]
) -> None:
    """Taken elsewhere and years ago; DSCN0010's clock is a day behind its own satellite time."""
    found = examine((shared_folder / "photos" / name).read_bytes(), [])

    class Row:
        metadata_facts = found.facts

    facts = Facts(
        received_at=RECEIVED, source="camera", captured_at=NOON, fix=fix(), is_mock=False, fence=SQUARE,
        camera=_camera(Row()),  # type: ignore[arg-type]
    )  # fmt: skip
    assert {check.code.value for check in judge(facts, STANDARDS) if check.outcome is FLAGGED} - {
        "geofence"
    } == flagged


def test_three_photographs_of_one_real_walk_are_a_walk(shared_folder: Path) -> None:
    """The positions and satellite times of three photographs with GPS: some metres in minutes."""
    shots = []
    for name in ("DSCN0010.jpg", "DSCN0012.jpg", "DSCN0021.jpg"):
        facts = examine((shared_folder / "photos" / name).read_bytes(), []).facts
        place = (facts["position"]["latitude"], facts["position"]["longitude"])
        shots.append((datetime.fromisoformat(facts["gps_at"]), place))
    for (began, start), (ended, stop) in pairwise(shots):
        before = Capture(captured_at=began, fix=Fix(place=start, accuracy_m=0))
        found = of("speed", captured_at=ended, fix=Fix(place=stop, accuracy_m=0), previous=before)
        assert (found.outcome, found.compared["distance_m"]) == (FINE, round(metres_between(start, stop)))
        assert found.compared["distance_m"] < 300


@pytest.mark.parametrize(
    ("one", "other", "kilometres"),
    [
        (((0, 0)), ((0, 1_000_000)), 111.195),
        ((30_274_085, 120_155_070), (39_904_200, 116_407_400), 1_122),  # Hangzhou to Beijing
        ((0, 179_900_000), (0, -179_900_000), 22.239),  # across the date line
        ((10_000_000, 20_000_000), (10_000_000, 20_000_000), 0.0),
        ((0, 0), (0, 180_000_000), 20_015.1),
    ],
)
def test_distances_are_those_of_the_sphere(
    one: tuple[int, int], other: tuple[int, int], kilometres: float
) -> None:
    assert metres_between(one, other) / 1000 == pytest.approx(kilometres, rel=2e-3, abs=1e-6)
    assert metres_between(one, other) == metres_between(other, one)
