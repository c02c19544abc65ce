"""Rows that a phone pushes, as RxDB's replication sends them, taken for sealed packages. A bad row is only its own failure."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.core.actor import Actor
from app.services.inspections.errors import PushRowProblem
from app.services.inspections.intake import Delivery
from app.services.inspections.service import Submitted, submit_packages
from app.services.runtime import Runtime

MAX_ROWS = 100
"""Rows of one push; RxDB sends as many unless told otherwise."""

_LONGEST = {"key_id": 100, "signature": 200}


async def push_packages(runtime: Runtime, actor: Actor, rows: Sequence[Any]) -> list[Submitted | Exception]:
    """Submit the package in each row's newDocumentState: for each, in order, what the single PUT would answer or raise.

    PushRowProblem: the row holds no package that could be kept. assumedMasterState is not asked for: a package is made once,
    so whether another stands under its id is seen from its bytes.
    """
    read = [_read(row) for row in rows]
    results = iter(await submit_packages(runtime, actor, [one for one in read if isinstance(one, Delivery)]))
    return [next(results) if isinstance(one, Delivery) else one for one in read]


def _read(row: Any) -> Delivery | PushRowProblem:
    """The package in a row; `sealed` becomes the very bytes it was made from."""
    document = row.get("newDocumentState") if isinstance(row, dict) else None
    if not isinstance(document, dict):
        return PushRowProblem(member="newDocumentState")
    try:
        package_id = UUID(document["id"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return PushRowProblem(member="id")
    for member, longest in _LONGEST.items():
        if not _is_header_like(document.get(member), longest):
            return PushRowProblem(member=member)
    try:
        sealed = document["sealed"].encode()
    except (KeyError, AttributeError, UnicodeEncodeError):
        return PushRowProblem(member="sealed")
    return Delivery(package_id, sealed, document["key_id"], document["signature"])


def _is_header_like(value: Any, longest: int) -> bool:
    """What the single PUT takes from a header."""
    return isinstance(value, str) and len(value) <= longest and value.isascii() and value.isprintable()
