"""After each level: nothing unprocessed, a receipt for every acknowledged package, and each of them verifies."""

import json
import time
from collections.abc import Sequence
from uuid import UUID

import psycopg

from app.services.inspections.receipt_format import receipt_verifies

DRAIN_WITHIN_SECONDS = 900
"""How long the background may take for what a level left to spare time; the figure is published with the level."""
TO_COUNT = "SELECT f.last_position - c.position FROM change_feed f, hazard_counting c"
TO_COMPARE = "SELECT count(*) FROM changes WHERE kind = 'hazard' AND position > (SELECT position FROM hazard_comparing)"


class PromiseBroken(RuntimeError):
    """A figure is worth nothing when the work behind it was not done."""


def count_packages(database: str) -> int:
    """Packages in the database."""
    with psycopg.connect(database) as connection:
        return _count(connection, "SELECT count(*) FROM packages")


def check_done(
    database: str, acknowledged: Sequence[UUID], published: Sequence[dict[str, str]]
) -> tuple[int, int]:
    """(packages not processed, receipts that verified); raises PromiseBroken unless they are none and all."""
    with psycopg.connect(database) as connection:
        waiting = _count(connection, "SELECT count(*) FROM package_intakes WHERE status <> 'processed'")
        found = connection.execute(
            "SELECT package_id, body FROM receipts WHERE package_id = ANY(%s)", (list(acknowledged),)
        ).fetchall()
    verified = 0
    for package_id, body in found:
        document = json.loads(bytes(body))
        is_its_own = document["receipt"]["package"]["id"] == str(package_id)
        verified += is_its_own and receipt_verifies(document, published)
    if waiting or verified != len(acknowledged):
        raise PromiseBroken(f"{waiting} unprocessed; {verified} receipts for {len(acknowledged)} packages")
    return waiting, verified


def backlog_of(database: str) -> dict[str, int]:
    """What was left to the background: to seal, to give positions, to count, to compare."""
    with psycopg.connect(database) as connection:
        return {
            "audit entries to seal": _count(connection, "SELECT count(*) FROM unsealed_entries"),
            "changes to position": _count(connection, "SELECT count(*) FROM changes WHERE position IS NULL"),
            "changes to count": _count(connection, TO_COUNT),
            "hazards to compare": _count(connection, TO_COMPARE),
        }


def wait_until_drained(database: str) -> float:
    """Seconds until the background had nothing left (derivatives apart)."""
    began = time.monotonic()
    while any(backlog_of(database).values()):
        if time.monotonic() - began > DRAIN_WITHIN_SECONDS:
            raise PromiseBroken("the background did not catch up")
        time.sleep(0.1)
    return round(time.monotonic() - began, 1)


def count_unexamined(database: str) -> int:
    """Photographs whose derivatives are still to be made."""
    with psycopg.connect(database) as connection:
        return _count(connection, "SELECT count(*) FROM evidence_files WHERE examined_at IS NULL")


def _count(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> int:
    row = connection.execute(statement).fetchone()  # type: ignore[call-overload]
    return int(row[0])
