"""The bounds of money of the procedure, at their edges."""

from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from app.rules.clocks import Suspension
from app.rules.fines import ON_THE_SPOT_MOST_FEN, may_be_imposed_on_the_spot, surcharge_fen

DUE = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("party", "fen", "allowed"),
    [
        ("person", 199_99, True),
        ("person", 200_00, True),
        ("person", 200_01, False),
        ("entity", 2_999_99, True),
        ("entity", 3_000_00, True),
        ("entity", 3_000_01, False),
    ],
)
def test_a_fine_on_the_spot_has_its_bound_included(party: str, fen: int, allowed: bool) -> None:
    assert may_be_imposed_on_the_spot(party, fen) is allowed


def test_the_bounds_are_those_of_the_facts(shared_folder: Path) -> None:
    body = yaml.safe_load((shared_folder / "law" / "procedure.yaml").read_text("utf-8"))
    (fact,) = (one for one in body["time_limits"] if one["id"] == "TL-SIMPLE-FINE")
    yuan = {"person": fact["value"]["个人"], "entity": fact["value"]["单位"]}
    assert {party: fen // 100 for party, fen in ON_THE_SPOT_MOST_FEN.items()} == yuan


@pytest.mark.parametrize(
    ("days", "per_cent"),
    [(-5, 0), (0, 0), (1, 3), (2, 6), (32, 96), (33, 99), (34, 100), (35, 100), (400, 100)],
)
def test_a_late_fine_grows_by_three_per_cent_a_day_up_to_itself(days: int, per_cent: int) -> None:
    assert surcharge_fen(50_000_00, DUE, DUE + timedelta(days=days)) == 500_00 * per_cent


def test_a_review_stops_the_surcharge() -> None:
    review = Suspension(DUE + timedelta(days=3), DUE + timedelta(days=10))
    for day, counted in ((2, 2), (3, 2), (9, 2), (10, 3), (11, 4)):
        assert surcharge_fen(100_00, DUE, DUE + timedelta(days=day), [review]) == 3_00 * counted
    lasting = Suspension(DUE + timedelta(days=3), None)
    assert surcharge_fen(100_00, DUE, DUE + timedelta(days=300), [lasting]) == 6_00
