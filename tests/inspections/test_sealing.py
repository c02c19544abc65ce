"""The bytes are the identity; what cannot be read says why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.inspections.sealing import UnreadableEnvelope, package_hash, read_envelope
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
        (b'{"a": "\\u0000"}', "null_character"),
        (b"[" * 200_000, "not_json"),
    ],
)
def test_unreadable_bytes_say_why(sealed: bytes, reason: str) -> None:
    with pytest.raises(UnreadableEnvelope) as caught:
        read_envelope(sealed)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "member", ["id", "visit_id", "officers", "template", "times", "answers", "party", "legal_date"]
)
def test_a_missing_member_is_named(member: str) -> None:
    document = envelope_document()
    del document[member]
    with pytest.raises(UnreadableEnvelope) as caught:
        read_envelope(sealed_bytes(document))
    assert caught.value.reason == f"{member}: missing"


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_only_equal_bytes_have_equal_hashes(one: bytes, other: bytes) -> None:
    assert (package_hash(one) == package_hash(other)) == (one == other)


@given(st.binary(max_size=300))
def test_no_bytes_whatever_escape_as_another_error(sealed: bytes) -> None:
    with pytest.raises(UnreadableEnvelope):
        read_envelope(sealed)
