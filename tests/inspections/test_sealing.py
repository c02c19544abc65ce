"""The bytes are the identity; what cannot be read says why."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.inspections.sealing import (
    TooMany,
    UnreadableEnvelope,
    holds_unstorable_text,
    package_hash,
    read_envelope,
    readable_document,
)
from tests.factories.envelopes import envelope_document, sealed_bytes


def test_an_envelope_is_read_with_members_a_newer_phone_added() -> None:
    document = envelope_document(weather="雨")
    assert str(read_envelope(sealed_bytes(document)).id) == document["id"]


@pytest.mark.parametrize(
    ("sealed", "reason"),
    [
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[1]", "not_an_object"),
        (b'{"schema": "anshao.package/1", "schema": "anshao.package/1"}', "duplicate_key"),
        (b'{"schema": "anshao.package/9"}', "unknown_schema"),
        (b'{"schema": NaN}', "not_a_number: NaN"),
        (b'{"a": 1e999}', "number_out_of_range"),
        (b'{"a": 123456789012345678901}', "number_out_of_range"),
        (b'{"a": ' + b"[" * 150 + b"]" * 150 + b"}", "too_deep"),
        (b"[" * 200_000, "not_json"),
    ],
)
def test_unreadable_bytes_say_why(sealed: bytes, reason: str) -> None:
    with pytest.raises(UnreadableEnvelope) as caught:
        read_envelope(sealed)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", None),
        ("-9223372036854775809", None),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("1.8e308", None),
        ("-1.8E+308", None),
        ("0." + "1234567890" * 40, 0.12345678901234568),
        ("1" * 400 + ".5", None),
    ],
)
def test_a_number_is_read_if_every_reader_holds_it(written: str, number: float | None) -> None:
    """Whole numbers of 64 bits and finite doubles, also beside identifiers that look like numbers in part."""
    sealed = f'{{"beside": "0193e123-9e12-7000-8e30-1111111111111111111", "q": [{written}]}}'.encode()
    if number is None:
        assert readable_document(sealed) is None
    else:
        document = readable_document(sealed)
        assert document is not None
        assert document["q"] == [number]


@pytest.mark.parametrize(
    "member", ["id", "visit_id", "officers", "template", "times", "answers", "party", "legal_date"]
)
def test_a_missing_member_is_named(member: str) -> None:
    document = envelope_document()
    del document[member]
    with pytest.raises(UnreadableEnvelope) as caught:
        read_envelope(sealed_bytes(document))
    assert caught.value.reason == f"{member}: missing"


@pytest.mark.parametrize("typed", ["\x00", "\ud800 half", "\udfff", "前\x00后"])
def test_text_no_column_can_hold_is_read_replaced_and_said_so(typed: str) -> None:
    sealed = json.dumps(envelope_document(answers={typed: {"value": typed}})).encode()
    shown = re.sub("[\x00\ud800-\udfff]", "\ufffd", typed)
    assert read_envelope(sealed).answers == {shown: {"value": shown}}
    assert holds_unstorable_text(sealed)


@pytest.mark.parametrize("typed", ["😀", "\\u0000", "é", "安"])
def test_text_that_is_well_is_read_as_it_was_typed(typed: str) -> None:
    for ascii_only in (True, False):
        sealed = json.dumps(
            envelope_document(answers={"q": {"value": typed}}), ensure_ascii=ascii_only
        ).encode()
        assert read_envelope(sealed).answers == {"q": {"value": typed}}
        assert not holds_unstorable_text(sealed)


@pytest.mark.parametrize(
    ("member", "rows"), [("answers", {str(n): 1 for n in range(2001)}), ("evidence", [1] * 501)]
)
def test_too_many_rows_are_told_from_unreadable_ones(member: str, rows: object) -> None:
    with pytest.raises(TooMany) as caught:
        read_envelope(sealed_bytes(envelope_document(**{member: rows})))
    assert caught.value.member == member


@pytest.mark.parametrize("member", ["patrol", "whistle"])
def test_each_kind_of_an_assistant_needs_its_own_part_only(member: str) -> None:
    document = envelope_document(kind=member)
    for enforcement_only in ("officers", "template", "answers", "party"):
        del document[enforcement_only]
    with pytest.raises(UnreadableEnvelope, match=f"{member}: missing"):
        read_envelope(sealed_bytes(document))
    parts = {"patrol": {"note": "好"}, "whistle": {"what": "动火", "urgency": "urgent"}}
    assert read_envelope(sealed_bytes({**document, member: parts[member]})).officers == []


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_only_equal_bytes_have_equal_hashes(one: bytes, other: bytes) -> None:
    assert (package_hash(one) == package_hash(other)) == (one == other)


@given(st.binary(max_size=300))
def test_no_bytes_whatever_escape_as_another_error(sealed: bytes) -> None:
    with pytest.raises(UnreadableEnvelope):
        read_envelope(sealed)
