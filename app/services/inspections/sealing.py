"""Reading sealed packages: hash, duplicate-key-proof JSON, envelope. Pure; the bytes are never altered."""

import hashlib
import json
import math
import re
from typing import Any

from pydantic import ValidationError

from app.schemas.mobile.packages import ENVELOPES, MAX_ANSWERS, MAX_EVIDENCE, Envelope

PACKAGE_DOMAIN = "anshao.package/1"
MAX_DEPTH = 100
SIGNATURE_DOMAIN = "anshao.package-signature/1"


class UnreadableEnvelope(ValueError):
    """The bytes are no envelope we understand; `reason` is a stable word for a person."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class TooMany(ValueError):
    """More answers or files than a package may hold: `member` and its `limit`."""

    def __init__(self, member: str, limit: int) -> None:
        self.member, self.limit = member, limit
        super().__init__(member)


def package_hash(sealed: bytes) -> str:
    """The identity of a package: SHA-256 of its bytes, written sha-256:<hex>."""
    return "sha-256:" + hashlib.sha256(sealed).hexdigest()


def package_message(hash_of_package: str) -> bytes:
    """What the phone signs when it seals."""
    return f"{PACKAGE_DOMAIN}\n{hash_of_package}".encode()


def signature_message(hash_of_package: str, text_hash: str) -> bytes:
    """What an officer signs: the package's hash and the hash of the text that was shown."""
    return f"{SIGNATURE_DOMAIN}\n{hash_of_package}\n{text_hash}".encode()


def read_envelope(sealed: bytes) -> Envelope:
    """The envelope in the bytes; raises UnreadableEnvelope or TooMany.

    Keys given twice are refused: readers would disagree. Characters no database text can hold are read as U+FFFD.
    """
    document = _readable(_parsed(sealed), sealed)
    if not isinstance(document, dict):
        raise UnreadableEnvelope("not_an_object")
    if document.get("schema") != PACKAGE_DOMAIN:
        raise UnreadableEnvelope("unknown_schema")
    _check_counts(document)
    kind = document.get("kind")
    try:
        return ENVELOPES.get(str(kind), Envelope).model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise UnreadableEnvelope(f"{'/'.join(map(str, first['loc']))}: {first['type']}") from error


def readable_document(sealed: bytes) -> dict[str, Any] | None:
    """The JSON object in the bytes, as text can be shown; None where there is none that all readers read alike."""
    try:
        document = _readable(_parsed(sealed), sealed)
    except UnreadableEnvelope:
        return None
    return document if isinstance(document, dict) else None


def holds_unstorable_text(sealed: bytes) -> bool:
    """True when the package's text holds NUL or half a surrogate pair: kept in the bytes, shown as U+FFFD."""
    if not _ESCAPED.search(sealed):
        return False
    document = _parsed(sealed)
    return bool(_readable(document, sealed) != document)


def _check_counts(document: dict[str, Any]) -> None:
    for member, limit in (("answers", MAX_ANSWERS), ("evidence", MAX_EVIDENCE)):
        rows = document.get(member)
        if isinstance(rows, dict | list) and len(rows) > limit:
            raise TooMany(member, limit)


_ESCAPED = re.compile(rb"\\u(?:0000|[dD][89abABcdefCDEF])")
"""Escapes that may stand for NUL or a surrogate; pairs (emoji) are among them and are fine."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_MANY_DIGITS = b"0" * 19
"""What the longest number of 64 bits has: only then is every whole number looked at."""


def _parsed(sealed: bytes) -> Any:
    try:
        text = sealed.decode("utf-8")
        may_be_great = _MANY_DIGITS in sealed.translate(_DIGITS_AS_ZEROS)
        document = (_DECODER_OF_GREAT if may_be_great else _DECODER).decode(text)
    except UnreadableEnvelope:
        raise
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UnreadableEnvelope("not_json") from error
    if sealed.count(b"[") + sealed.count(b"{") > MAX_DEPTH and _is_deeper(document, MAX_DEPTH):
        raise UnreadableEnvelope("too_deep")
    return document


def _is_deeper(document: Any, limit: int) -> bool:
    """True when lists and objects lie in one another more than `limit` times."""
    level: list[Any] = [document] if isinstance(document, dict | list) else []
    for _ in range(limit):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _readable(document: Any, sealed: bytes) -> Any:
    """The document as text columns can hold it; the sealed bytes stay what they are."""
    return _replaced(document) if _ESCAPED.search(sealed) else document


def _replaced(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_replaced(key): _replaced(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner) for inner in value]
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnreadableEnvelope("duplicate_key")
    return found


def _no_constant(name: str) -> Any:
    raise UnreadableEnvelope(f"not_a_number: {name}")


def _whole_number(digits: str) -> int:
    """Readers disagree on what 64 bits cannot hold."""
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**63:
        raise UnreadableEnvelope("number_out_of_range")
    return int(digits)


def _finite_number(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise UnreadableEnvelope("number_out_of_range")
    return number


_HOOKS: dict[str, Any] = {
    "object_pairs_hook": _unique,
    "parse_constant": _no_constant,
    "parse_float": _finite_number,
}
_DECODER = json.JSONDecoder(**_HOOKS)
_DECODER_OF_GREAT = json.JSONDecoder(**_HOOKS, parse_int=_whole_number)
