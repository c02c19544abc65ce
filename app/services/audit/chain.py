"""What the audit chain is made of, pure: the hash of an entry, the hash of a seal, the message that is signed.

    entry hash  sha-256 of the entry's columns that hold a value, as JSON with sorted keys
    seal hash   sha-256 of the seal's number, time, entries (ids and hashes, in order) and the hash of the seal before
    signature   Ed25519 over "anshao-audit-seal-v1" NUL number NUL seal hash: it can be checked without the entries

Leaving out empty columns keeps old hashes valid when a later version adds a column.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

GENESIS = "sha-256:" + "0" * 64
"""What the first seal names as the one before."""

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The signed head of the chain at one moment: what receipts and the files outside the database carry."""

    number: int
    seal_hash: str
    signature: str
    key_id: str

    @property
    def members(self) -> dict[str, Any]:
        """As it stands in a receipt."""
        return {
            "number": self.number,
            "seal_hash": self.seal_hash,
            "signature": self.signature,
            "key_id": self.key_id,
        }


def _sha256(value: Any) -> str:
    return "sha-256:" + hashlib.sha256(orjson.dumps(value, option=_OPTIONS)).hexdigest()


def entry_hash(columns: Mapping[str, Any]) -> str:
    """The hash over every column of one audit entry, as read from the database."""
    return _sha256({name: _settled(value) for name, value in columns.items() if value is not None})


def _settled(value: Any) -> Any:
    """A moment is the same moment in whatever zone the connection shows it."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def seal_hash(
    number: int,
    sealed_at: datetime,
    entry_ids: Sequence[int],
    entry_hashes: Sequence[str],
    previous_hash: str,
) -> str:
    """The hash of one seal."""
    return _sha256(
        {
            "number": number,
            "sealed_at": _settled(sealed_at),
            "entry_ids": list(entry_ids),
            "entry_hashes": list(entry_hashes),
            "previous_hash": previous_hash,
        }
    )


def signed_message(number: int, seal_hash: str) -> bytes:
    """What the audit key signs."""
    return b"\x00".join((b"anshao-audit-seal-v1", str(number).encode(), seal_hash.encode()))
