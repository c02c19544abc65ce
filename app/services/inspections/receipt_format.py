"""The form of a receipt, and of every statement signed like one: Ed25519 over canonical JSON (RFC 8785), verifiable offline with
published keys."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.services.identity.keys import KeyRing

RECEIPT_SCHEMA = "anshao.receipt/1"


def sign_receipt(keys: KeyRing, content: Mapping[str, Any], at: datetime | None = None) -> bytes:
    """The receipt's bytes: canonical JSON of {receipt, key_id, alg, signature}; the signature covers canonical `receipt`.

    `at` is the moment the content gives as that of its completion: the key of that moment signs.
    """
    return sign_statement(keys, "receipt", content, at)


def receipt_verifies(document: Mapping[str, Any], published: Sequence[Mapping[str, str]]) -> bool:
    """True when a published key (JWK) of the named id made the signature. Needs nothing but these two."""
    return statement_verifies(document, "receipt", published)


def sign_statement(
    keys: KeyRing, member: str, content: Mapping[str, Any], at: datetime | None = None
) -> bytes:
    """Canonical JSON of {<member>: content, key_id, alg, signature}, by the key of that moment (now unless told).

    What tells one kind from another is the content's `schema`.
    """
    canonical = rfc8785.dumps(dict(content))
    key_id, signature = keys.sign("receipts", canonical, at)
    envelope = {member: None, "alg": "Ed25519", "key_id": key_id, "signature": signature}
    return rfc8785.dumps(envelope).replace(
        f'"{member}":null'.encode(), f'"{member}":'.encode() + canonical, 1
    )


def statement_verifies(
    document: Mapping[str, Any], member: str, published: Sequence[Mapping[str, str]]
) -> bool:
    """True when a published key (JWK) of the named id signed the member."""
    for key in published:
        if key["kid"] == document["key_id"]:
            public = Ed25519PublicKey.from_public_bytes(_raw(key["x"]))
            try:
                public.verify(_raw(document["signature"]), rfc8785.dumps(document[member]))
            except InvalidSignature:
                return False
            return True
    return False


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
