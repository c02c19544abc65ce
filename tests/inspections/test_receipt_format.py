"""A receipt needs nothing but itself and the published keys; whatever is altered shows."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from app.services.identity.keys import KeyRing
from app.services.identity.signatures import signature_verifies
from app.services.inspections.receipt_format import receipt_verifies, sign_receipt
from app.services.inspections.sealing import package_hash, package_message, read_envelope, signature_message
from tests.factories.envelopes import SHA, envelope_document

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)
CONTENT = st.dictionaries(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), JSON, min_size=1, max_size=5
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing(tmp_path_factory.mktemp("strangers"))


def published(ring: KeyRing) -> list[dict[str, Any]]:
    return [key.public_jwk for key in ring.all("receipts")]


@given(content=CONTENT)
def test_a_receipt_verifies_with_the_published_keys_and_no_others(
    keys: KeyRing, strangers: KeyRing, content: dict[str, Any]
) -> None:
    receipt = json.loads(sign_receipt(keys, content))
    assert receipt["receipt"] == content
    assert receipt_verifies(receipt, published(keys))
    assert receipt_verifies(receipt, [*published(strangers), *published(keys)])
    assert not receipt_verifies(receipt, published(strangers))
    assert not receipt_verifies(receipt, [])
    assert not receipt_verifies(receipt, [key.public_jwk for key in keys.all("access")])
    renamed = [{**key, "kid": receipt["key_id"]} for key in published(strangers)]
    assert not receipt_verifies(receipt, renamed)


@given(content=CONTENT, name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), value=JSON)
def test_whatever_is_altered_in_a_receipt_shows(
    keys: KeyRing, content: dict[str, Any], name: str, value: Any
) -> None:
    receipt = json.loads(sign_receipt(keys, content))
    altered = {**content, name: value}
    is_same = rfc8785.dumps(altered) == rfc8785.dumps(content)
    assert receipt_verifies({**receipt, "receipt": altered}, published(keys)) is is_same
    del altered[name]
    is_same = rfc8785.dumps(altered) == rfc8785.dumps(content)
    assert receipt_verifies({**receipt, "receipt": altered}, published(keys)) is is_same


@given(content=CONTENT)
def test_a_reader_may_order_and_format_a_receipt_as_it_likes(keys: KeyRing, content: dict[str, Any]) -> None:
    receipt = json.loads(sign_receipt(keys, content))
    turned = {**receipt, "receipt": dict(reversed(list(content.items())))}
    assert receipt_verifies(json.loads(json.dumps(turned, indent=2)), published(keys))


def test_an_old_receipt_verifies_after_the_keys_were_renewed(keys: KeyRing, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    receipt = json.loads(sign_receipt(ring, {"a": 1}))
    ring.rotate("receipts")
    newer = json.loads(sign_receipt(ring, {"a": 1}))
    assert newer["key_id"] != receipt["key_id"]
    assert receipt_verifies(receipt, published(ring))
    assert receipt_verifies(newer, published(KeyRing(tmp_path)))


@given(
    indent=st.none() | st.integers(0, 4),
    is_sorted=st.booleans(),
    ascii_only=st.booleans(),
    tail=st.text(" \n\t"),
)
@settings(max_examples=60)
def test_the_bytes_are_the_identity_not_what_they_say(
    indent: int | None, is_sorted: bool, ascii_only: bool, tail: str
) -> None:
    """The same record formatted otherwise is another package: equal in meaning, never in hash."""
    document = envelope_document(id="019ac000-0000-7000-8000-000000000001", note="巡查 é 😀")
    sealed = json.dumps(document, ensure_ascii=False).encode()
    other = (
        json.dumps(document, indent=indent, sort_keys=is_sorted, ensure_ascii=ascii_only) + tail
    ).encode()
    assert read_envelope(sealed) == read_envelope(other)
    assert (package_hash(sealed) == package_hash(other)) == (sealed == other)


@given(sealed=st.binary(max_size=100), other=st.binary(max_size=100))
@settings(max_examples=60)
def test_a_signature_binds_the_key_the_bytes_and_the_text_shown(sealed: bytes, other: bytes) -> None:
    phone, stranger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    digest, text_hash = package_hash(sealed), package_hash(other)
    sealing = _signed(phone, package_message(digest))
    assert signature_verifies(_jwk(phone), package_message(digest), sealing)
    assert not signature_verifies(_jwk(stranger), package_message(digest), sealing)
    same = sealed == other
    assert signature_verifies(_jwk(phone), package_message(package_hash(other)), sealing) is same
    signing = _signed(phone, signature_message(digest, text_hash))
    assert signature_verifies(_jwk(phone), signature_message(digest, text_hash), signing)
    assert not signature_verifies(_jwk(phone), signature_message(digest, SHA), signing)
    assert not signature_verifies(_jwk(phone), package_message(digest), signing)


def _jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": _encoded(key.public_key().public_bytes_raw())}


def _signed(key: Ed25519PrivateKey, message: bytes) -> str:
    return _encoded(key.sign(message))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
