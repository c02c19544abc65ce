"""Reading sealed packages: hash, duplicate-key-proof JSON, envelope. Pure; the bytes are never altered."""

import hashlib
import json
from typing import Any

from pydantic import ValidationError

from app.schemas.mobile.packages import Envelope

PACKAGE_DOMAIN = "anshao.package/1"
SIGNATURE_DOMAIN = "anshao.package-signature/1"


class UnreadableEnvelope(ValueError):
    """The bytes are no envelope we understand; `reason` is a stable word for a person."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


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
    """The envelope in the bytes; raises UnreadableEnvelope. Keys given twice are refused: readers would disagree."""
    try:
        document = json.loads(sealed.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnreadableEnvelope:
        raise
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UnreadableEnvelope("not_json") from error
    if not isinstance(document, dict):
        raise UnreadableEnvelope("not_an_object")
    if "\\u0000" in sealed.decode("utf-8"):
        raise UnreadableEnvelope("null_character")
    if document.get("schema") != "anshao.package/1":
        raise UnreadableEnvelope("unknown_schema")
    try:
        return Envelope.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise UnreadableEnvelope(f"{'/'.join(map(str, first['loc']))}: {first['type']}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnreadableEnvelope("duplicate_key")
    return found


def _no_constant(name: str) -> Any:
    raise UnreadableEnvelope(f"not_a_number: {name}")
