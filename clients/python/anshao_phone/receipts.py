"""Receipts, checked on the phone with nothing but pinned keys, before anything is deleted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from anshao_phone.protocol import canonical, decode, sha256_of

SCHEMA = "anshao.receipt/1"
PURPOSE = "receipts"


class ReceiptRefused(Exception):
    """A receipt that proves nothing; the message says why. The phone keeps everything."""


class UnknownKey(ReceiptRefused):
    """Signed with a key that is not pinned: the published ones are to be read again."""


class KeysRefused(Exception):
    """The published keys contradict the pinned ones: somebody else may be answering."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the phone holds: the package, and hash, size and state (present or withdrawn) of each declared file by id."""

    package_id: UUID
    package_hash: str
    device_id: UUID
    files: Mapping[str, tuple[str, int, bool]]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt that has been checked; `body` is kept byte for byte, `sha256` is of it."""

    package_id: UUID
    number: int
    previous: str | None
    sha256: str
    body: bytes
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """A receipt of a package that the phone does not hold any more: good for nothing but to follow the chain."""

    number: int
    sha256: str
    body: bytes


def check_receipt(body: bytes, expected: Expected, pinned: Mapping[str, str]) -> Receipt:
    """The receipt, if a pinned key (x by kid) signed it and it covers exactly what the phone holds; raises ReceiptRefused.

    Its place in the chain is judged with its predecessor at hand, by the sender.
    """
    try:
        document = json.loads(body)
        told = document["receipt"]
        _check_signature(document, pinned)
        _check_content(told, expected)
        number, previous = told["number"], told["previous_receipt"]
    except (KeyError, TypeError, ValueError) as error:
        raise ReceiptRefused(f"unreadable: {error}") from error
    if not isinstance(number, int) or number < 1 or (previous is None) != (number == 1):
        raise ReceiptRefused("its number and its predecessor do not fit")
    return Receipt(expected.package_id, number, previous, sha256_of(body), body, document)


def check_link(body: bytes, number: int, sha256: str, device_id: UUID, pinned: Mapping[str, str]) -> Link:
    """The receipt of that number and hash, if a pinned key signed it for this device; raises ReceiptRefused."""
    try:
        document = json.loads(body)
        _check_signature(document, pinned)
        told = document["receipt"]
        named = (told["schema"], told["number"], told["device_id"], sha256_of(body))
    except (KeyError, TypeError, ValueError) as error:
        raise ReceiptRefused(f"unreadable: {error}") from error
    if named != (SCHEMA, number, str(device_id), sha256):
        raise ReceiptRefused("it is another receipt than the chain names")
    return Link(number, sha256, body)


def _check_signature(document: dict[str, Any], pinned: Mapping[str, str]) -> None:
    if document["alg"] != "Ed25519":
        raise ReceiptRefused(f"algorithm {document['alg']}")
    if document["key_id"] not in pinned:
        raise UnknownKey(document["key_id"])
    key = Ed25519PublicKey.from_public_bytes(decode(pinned[document["key_id"]]))
    try:
        key.verify(decode(document["signature"]), canonical(document["receipt"]))
    except InvalidSignature as error:
        raise ReceiptRefused("the signature does not verify") from error


def _check_content(told: dict[str, Any], expected: Expected) -> None:
    if told["schema"] != SCHEMA:
        raise ReceiptRefused(f"schema {told['schema']}")
    named = (told["package"]["id"], told["package"]["hash"], told["device_id"])
    if named != (str(expected.package_id), expected.package_hash, str(expected.device_id)):
        raise ReceiptRefused("it is of another package, or of other bytes")
    covered = {row["id"]: (row["hash"], row["size"], row["status"]) for row in told["evidence"]}
    if covered.keys() != expected.files.keys() or len(covered) != len(told["evidence"]):
        raise ReceiptRefused("it covers other files than were declared")
    for identifier, (digest, size, is_present) in expected.files.items():
        wanted = "verified" if is_present else "withdrawn"
        if covered[identifier] != (digest, size, wanted):
            raise ReceiptRefused(f"file {identifier} is not covered as it is held")


def published_receipt_keys(document: Any) -> dict[str, str]:
    """x by kid of every published key that signs receipts; raises KeysRefused when there is none to read."""
    try:
        keys = {row["kid"]: row["x"] for row in document["keys"] if row["purpose"] == PURPOSE}
    except (KeyError, TypeError) as error:
        raise KeysRefused("the published keys cannot be read") from error
    if not keys:
        raise KeysRefused("no key is published")
    return keys


def extend_pinned(pinned: Mapping[str, str], published: Mapping[str, str]) -> dict[str, str]:
    """The keys to pin from now on: published keys only ever grow, so one that vanished or changed is an alarm (KeysRefused)."""
    if any(published.get(kid) != x for kid, x in pinned.items()):
        raise KeysRefused("a pinned key is not published any more")
    return dict(published)
