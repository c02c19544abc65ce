"""Resident identity numbers against an independent implementation of the check."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from app.core.resident_id import is_resident_id

BODIES = st.builds(
    lambda region, born, order: f"{region:06d}{born:%Y%m%d}{order:03d}",
    st.integers(110000, 839999),
    st.dates(date(1900, 1, 1), date(2026, 1, 1)),
    st.integers(0, 999),
)


@given(BODIES)
def test_the_check_character_is_the_standard_s_whatever_the_region(body: str) -> None:
    right = ric.calc_check_digit(body + "0")
    assert is_resident_id(body + right)
    assert not any(is_resident_id(body + other) for other in set("0123456789X") - {right})


@pytest.mark.parametrize(
    "number",
    ["", "11010519491231002", "11010519491231002x", "110105194912310021", "11010519490231002X",
     "１１０１０５１９４９１２３１００２X", "110105491231002"],
)  # fmt: skip
def test_anything_else_is_none(number: str) -> None:
    assert not is_resident_id(number)
