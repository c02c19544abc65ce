"""Proposing hazards that may be one, behind the writers. No request waits for this, and nothing is merged here.

Each hazard the change feed tells of, new or changed (a clause was confirmed), is compared with the open ones of its enterprise.
"""

from collections.abc import Sequence, Set
from dataclasses import asdict
from itertools import groupby
from typing import Any
from uuid import UUID

import anyio.to_thread
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.geo import to_wgs84
from app.core.ids import new_id
from app.db.rows import insert_rows
from app.models.hazards import HazardDuplicate
from app.services.audit.service import Act, rows_of_acts
from app.services.hazards.content import duplicate_limits
from app.services.hazards.duplicate_rule import Found, Limits, Reason, reasons_for

BATCH = 100
"""Changes of hazards looked at in one unit of work; each may bring as many rows as there are candidates."""
CANDIDATES = 200
"""The newest open hazards of an enterprise that one is compared with."""
PROPOSALS = 3
"""With so many of them one hazard is proposed at a time, the newest. Who finds one thing twenty times is asked to merge a chain of
pairs, not every pair; whatever a person has settled makes room for the next."""

_LOCK = text("SELECT position FROM hazard_comparing FOR UPDATE SKIP LOCKED")
_UNTIL = text(
    """
    SELECT count(*) AS number, coalesce(max(position), :position) AS until
      FROM (SELECT position FROM changes WHERE kind = 'hazard' AND position > :position ORDER BY position LIMIT :batch) AS batch
    """
)
_ADVANCE = text("UPDATE hazard_comparing SET position = :until")
# The hazard itself comes first of its group. Both sides are read through indexes: changes by kind and position, hazards by id
# and by enterprise.
_PAIRS = text(
    """
    WITH touched AS MATERIALIZED (
        SELECT DISTINCT object_id AS id FROM changes
         WHERE kind = 'hazard' AND position > :position AND position <= :until)
    SELECT n.id AS new_id, n.region_id, o.id, o.enterprise_id, o.site_id, o.risk_unit_id, o.package_id, o.item_code, o.clause,
           o.subject, o.description, o.found_on, r.suspected_clauses, p.position AS seen_at, s.latitude, s.longitude
      FROM touched JOIN hazards n ON n.id = touched.id AND n.status <> 'closed' AND n.merged_into_id IS NULL
     CROSS JOIN LATERAL (
        SELECT n.* UNION ALL (
        SELECT h.* FROM hazards h
         WHERE h.enterprise_id = n.enterprise_id AND h.region_id = n.region_id AND h.authority_id = n.authority_id
           AND h.id <> n.id
           AND h.status <> 'closed' AND h.merged_into_id IS NULL
           AND h.found_on BETWEEN n.found_on - CAST(:days AS int) AND n.found_on + CAST(:days AS int)
         ORDER BY h.found_on DESC, h.id DESC LIMIT :candidates)) AS o
      LEFT JOIN hazard_reports r ON r.hazard_id = o.id
      LEFT JOIN packages p ON p.id = o.package_id
      JOIN sites s ON s.id = o.site_id
     ORDER BY n.id, (o.id <> n.id)
    """
)


_SETTLED = text(
    """
    SELECT hazard_id, other_id FROM hazard_duplicates
     WHERE status <> 'proposed' AND (hazard_id = ANY(:ids) OR other_id = ANY(:ids))
    """
)


async def compare_changed(session: AsyncSession, batch: int = BATCH) -> bool:
    """Compare the hazards that the next changes tell of, and propose what may be one; True when there are more.

    Comparers take turns: one that finds another at work does nothing. What was proposed once is not proposed again.
    """
    state = (await session.execute(_LOCK)).one_or_none()
    if state is None:
        return False
    window = {"position": state.position, "batch": batch}
    number, until = (await session.execute(_UNTIL, window)).one()
    if not number:
        return False
    limits = duplicate_limits()
    values = {"position": state.position, "until": until, "days": limits.days, "candidates": CANDIDATES}
    rows = (await session.execute(_PAIRS, values)).all()
    touched = list({row.new_id for row in rows})
    settled = (
        {tuple(pair) for pair in await session.execute(_SETTLED, {"ids": touched})} if touched else set()
    )
    await _propose(session, await anyio.to_thread.run_sync(_proposals, rows, limits, settled))
    await session.execute(_ADVANCE, {"until": until})
    return bool(number == batch)


def _proposals(rows: Sequence[Any], limits: Limits, settled: Set[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """The rows of what is to be proposed, each pair once: the later hazard and the earlier. Runs beside the event loop."""
    known: dict[UUID, Found] = {}
    pairs: dict[tuple[UUID, UUID], dict[str, Any]] = {}
    for _, group in groupby(rows, key=lambda row: row.new_id):
        own, *others = group
        new, room = _known(known, own), PROPOSALS
        for row in sorted(others, key=lambda row: (row.found_on, row.id), reverse=True):
            pair = max(new.id, row.id), min(new.id, row.id)
            if pair in settled:
                continue
            if reasons := reasons_for(new, _known(known, row), limits):
                pairs[pair] = _proposal(*pair, own.region_id, reasons)
                room -= 1
            if not room:
                break
    return list(pairs.values())


def _known(known: dict[UUID, Found], row: Any) -> Found:
    """What is compared of the row's hazard, made once however often it is a candidate."""
    if row.id not in known:
        known[row.id] = _found(row)
    return known[row.id]


def _found(row: Any) -> Found:
    """The place is where the package was sealed, or else the site's."""
    clauses = {row.clause, *(row.suspected_clauses or ())} - {None}
    return Found(
        row.id, row.enterprise_id, row.site_id, row.risk_unit_id, row.package_id, row.item_code, frozenset(clauses),
        row.subject, row.description, row.found_on, _place(row),
    )  # fmt: skip


def _place(row: Any) -> tuple[int, int] | None:
    if row.seen_at is not None:
        return to_wgs84(row.seen_at["latitude"], row.seen_at["longitude"], row.seen_at["datum"])
    if row.latitude is None or row.longitude is None:
        return None
    return row.latitude, row.longitude


def _proposal(later: UUID, earlier: UUID, region_id: UUID, reasons: Sequence[Reason]) -> dict[str, Any]:
    return {
        "id": new_id(),
        "version": 1,
        "hazard_id": later,
        "other_id": earlier,
        "region_id": region_id,
        "reasons": [asdict(reason) for reason in reasons],
        "status": "proposed",
    }


async def _propose(session: AsyncSession, proposals: list[dict[str, Any]]) -> None:
    if not proposals:
        return
    new = insert(HazardDuplicate).on_conflict_do_nothing(index_elements=["hazard_id", "other_id"])
    kept = await session.execute(new.returning(HazardDuplicate.id, HazardDuplicate.region_id), proposals)
    acts = [
        Act(
            "hazards:propose_merging",
            "hazard_duplicate",
            row.id,
            1,
            row.region_id,
            after={"status": "proposed"},
        )
        for row in kept
    ]
    if acts:
        await insert_rows(session, *rows_of_acts(SYSTEM, acts))
