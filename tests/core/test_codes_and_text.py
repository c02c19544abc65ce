"""Credit codes, search pieces and masks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc as oracle

from app.core.masking import masked_id_number, masked_name, masked_phone
from app.core.text import bigrams, normalized
from app.core.uscc import ALPHABET, check_character, check_uscc


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        ("91110000600037341L", None),
        (" ９1110000600037341l", None),
        ("91110000600037341M", "wrong_check_character"),
        ("9111000060003734", "wrong_length"),
        ("9111000O600037341L", "wrong_character"),
        ("91A10000600037341L", "wrong_region"),
    ],
)
def test_code_is_accepted_or_refused_with_its_reason(raw: str, error: str | None) -> None:
    assert check_uscc(raw).error == error


@given(st.text("0123456789", min_size=8, max_size=8), st.text(ALPHABET, min_size=9, max_size=9))
def test_check_character_agrees_with_an_independent_library(head: str, body: str) -> None:
    assert check_character(head + body) == oracle.calc_check_digit(head + body)


def test_wrong_organization_digit_only_warns() -> None:
    first = "91110000600037342"
    found = check_uscc(first + check_character(first))
    assert found.error is None
    assert found.body_digit_differs
    assert not check_uscc("91110000600037341L").body_digit_differs


@given(st.text("安哨化工有限公司Ａa1", min_size=2), st.data())
def test_pieces_of_a_part_are_among_the_pieces_of_the_whole(whole: str, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(whole) - 2))
    end = data.draw(st.integers(begin + 2, len(whole)))
    assert set(bigrams(whole[begin:end])) <= set(bigrams(whole))


def test_text_and_masks() -> None:
    assert normalized(" ＡＢ　厂 ") == "AB 厂"
    assert bigrams("化工厂") == ["化工", "工厂"]
    assert masked_name("张三丰") == "张*"
    assert masked_id_number("11010519491231002X") == "110105********002X"
    assert masked_phone("13812341234") == "138****1234"
