"""The bounds of money of the procedure, at their edges."""

from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from app.rules.clocks import Suspension
from app.rules.fines import (
    ON_THE_SPOT_MOST_FEN,
    may_be_imposed_on_the_spot,
    may_be_waived,
    surcharge_fen,
)

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


@pytest.mark.parametrize(
    ("waived", "is_agreed", "is_remedied", "allowed"),
    [
        (1_499_99, True, True, True),
        (1_500_00, True, True, True),
        (1_500_01, True, True, False),  # one fen of the fine itself
        (1, True, False, False),
        (1, False, True, False),
        (0, False, False, True),
        (-1, True, True, False),
    ],
)
def test_a_surcharge_may_be_let_off_to_the_last_fen_and_the_fine_never(
    waived: int, is_agreed: bool, is_remedied: bool, allowed: bool
) -> None:
    surcharge = surcharge_fen(5_000_00, DUE, DUE + timedelta(days=10))
    assert surcharge == 1_500_00
    assert may_be_waived(waived, surcharge, is_agreed=is_agreed, is_remedied=is_remedied) is allowed
