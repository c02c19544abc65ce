"""Where a phone stands in one collection: an opaque, signed cursor, good for one user on one device only.

A cursor says up to which position of the change feed everything has been told, and of which partitions (regions, mostly) the
phone holds the rows. When the scope has changed since, a listing goes through what came in and what went out; it can be
broken off anywhere, because where it stands is in the cursor as well.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import orjson

from app.core.actor import Actor
from app.services.identity.keys import KeyRing
from app.services.sync.errors import ResyncProblem, SyncCursorProblem

FORMAT = 1
LONGEST = 8000
"""Characters of a cursor, so that it fits into an address and a header: none that is issued is longer, no longer one is read."""
MOST_ROOTS = 60
"""Partitions that a set in a cursor names, each; of more it has their hash: three sets of so many stay below LONGEST."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A walk, by id, through the rows that the way from what is held to `goal` brings in or out.

    `day` is the one the caller's assignments were judged by; `is_first`: the phone has nothing yet, so nothing goes out.
    """

    goal: frozenset[UUID]
    day: date
    after: UUID | None = None
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """What a phone has been told of one collection.

    Everything up to `position` has been told (of that one, the documents up to `document`, None: all), for the partitions
    `held` (regions by the roots of their subtrees); of `shed` it may still have rows. `mark` is the number of the last change
    that was written but not yet positioned when the listing ended: until that one has been told, rows can leave by way of
    what was shed. `day`: assignments that ended before it are forgotten.
    """

    epoch: UUID
    position: int
    day: date
    document: UUID | None = None
    held: frozenset[UUID] = frozenset()
    shed: frozenset[UUID] = frozenset()
    mark: int = 0
    listing: Listing | None = None


def encode_cursor(keys: KeyRing, actor: Actor, collection: str, cursor: Cursor) -> str:
    """The cursor as it travels."""
    walk = cursor.listing
    return seal_cursor(
        keys,
        actor,
        collection,
        [
            FORMAT,
            _short(cursor.epoch),
            cursor.position,
            _maybe_short(cursor.document),
            cursor.day.toordinal(),
            _shorts(cursor.held),
            _shorts(cursor.shed),
            cursor.mark,
            walk and [_shorts(walk.goal), walk.day.toordinal(), _maybe_short(walk.after), walk.is_first],
        ],
    )


def read_cursor(members: list[Any], roots: frozenset[UUID]) -> Cursor:
    """The cursor that was opened, for a caller who holds the partitions under `roots` now.

    Of many partitions a cursor remembers no more than whether they are these. Raises ResyncProblem when they are others by now,
    or when another release wrote it.
    """
    if members[0] != FORMAT:
        raise ResyncProblem
    _, epoch, position, document, day, held, shed, mark, walk = members
    listing = None
    if walk:
        goal, walk_day, after, is_first = walk
        listing = Listing(_longs(goal, roots), date.fromordinal(walk_day), _maybe_long(after), is_first)
    return Cursor(
        epoch=_long(epoch),
        position=position,
        document=_maybe_long(document),
        day=date.fromordinal(day),
        held=_longs(held, roots),
        shed=_longs(shed, roots),
        mark=mark,
        listing=listing,
    )


def seal_cursor(keys: KeyRing, actor: Actor, collection: str, members: list[Any]) -> str:
    """Any JSON members as an opaque cursor, signed for this caller, device and collection."""
    payload = orjson.dumps(members)
    return _base64(_signature(keys, actor, collection, payload) + payload)


def open_cursor(keys: KeyRing, actor: Actor, collection: str, given: str) -> list[Any]:
    """What was sealed; raises SyncCursorProblem for anything else, ResyncProblem for what an older release let grow too long."""
    if len(given) > LONGEST:
        raise ResyncProblem
    try:
        raw = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise SyncCursorProblem from error
    signature, payload = raw[:16], raw[16:]
    if not hmac.compare_digest(signature, _signature(keys, actor, collection, payload)):
        raise SyncCursorProblem
    members: list[Any] = orjson.loads(payload)
    return members


def _signature(keys: KeyRing, actor: Actor, collection: str, payload: bytes) -> bytes:
    bound = f"{actor.label}/{actor.device_id or '-'}/{collection}".encode()
    return keys.derive("sync-cursor", bound + b"\x00" + payload)[:16]


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _short(value: UUID) -> str:
    return _base64(value.bytes)


def _maybe_short(value: UUID | None) -> str | None:
    return _short(value) if value else None


def _maybe_long(value: str | None) -> UUID | None:
    return _long(value) if value else None


def _shorts(values: frozenset[UUID]) -> list[str] | str:
    return [_short(value) for value in sorted(values)] if len(values) <= MOST_ROOTS else _digest(values)


def _digest(values: frozenset[UUID]) -> str:
    return _base64(hashlib.sha256(b"".join(value.bytes for value in sorted(values))).digest()[:16])


def _long(value: str) -> UUID:
    return UUID(bytes=base64.urlsafe_b64decode(value + "=="))


def _longs(values: list[str] | str, roots: frozenset[UUID]) -> frozenset[UUID]:
    if isinstance(values, str):
        if values != _digest(roots):
            raise ResyncProblem
        return roots
    return frozenset(map(_long, values))
