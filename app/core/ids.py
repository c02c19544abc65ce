"""Identifiers: UUIDv7 (RFC 9562), ordered by time so that indexes grow at one end."""

import secrets
import time
from uuid import UUID


def new_id(at_ms: int | None = None) -> UUID:
    """A new UUIDv7; `at_ms` is the Unix time in milliseconds (now unless told)."""
    milliseconds = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    value = (milliseconds & (2**48 - 1)) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
