"""Photographs of one authority with the same bytes, or that look the same: found by index, kept by each later one of its earlier
likes, a bounded number of them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.evidence import EvidenceDuplicate
from app.services.evidence.likeness import Turn, as_signed, as_unsigned, distance, probes_of
from app.services.evidence.provenance import judge_duplicate
from app.services.evidence.standards import Standards

MOST_ALIKE = 400
"""Of one photograph so many likenesses are weighed; where more are as near as that, the others would tell a reviewer no more."""

# Of a picture that was sent a thousand times only the first ones before each and the next ones after it are read, in the order of
# the index: they are those that are kept (in_order).
SAME_BYTES = """
    SELECT mine.id AS mine, other.id, other.is_earlier
      FROM evidence_files mine
      JOIN evidence_provenance judged ON judged.evidence_id = mine.id
     CROSS JOIN LATERAL (
        (SELECT f.id, true AS is_earlier FROM evidence_files f
          WHERE f.sha256 = mine.sha256 AND (f.received_at, f.id) < (mine.received_at, mine.id)
            AND judged.authority_id = (SELECT known.authority_id FROM evidence_provenance known WHERE known.evidence_id = f.id)
          ORDER BY f.received_at, f.id LIMIT :most)
        UNION ALL
        (SELECT f.id, false FROM evidence_files f
          WHERE f.sha256 = mine.sha256 AND (f.received_at, f.id) > (mine.received_at, mine.id)
            AND judged.authority_id = (SELECT known.authority_id FROM evidence_provenance known WHERE known.evidence_id = f.id)
          ORDER BY f.received_at, f.id LIMIT :most)) other
     WHERE mine.id = ANY(:ids)
"""
_SAME_BYTES = text(SAME_BYTES)

# Every probe is one place in the index; what lies there is compared, and only what is near leaves the statement.
LIKE_THIS = """
    SELECT DISTINCT evidence_id, perceptual_hash FROM (
        SELECT evidence_id, perceptual_hash FROM evidence_likenesses
         WHERE authority_id = :authority_id AND slot = ANY(:slots) AND evidence_id <> :id AND least({distances}) <= :largest
         LIMIT :most) near
""".format(distances=", ".join(f"bit_count((perceptual_hash # :hash_{turn})::bit(64))" for turn in Turn))
_LIKE_THIS = text(LIKE_THIS)

_OTHERS = text(
    """
    SELECT f.id, f.received_at, p.visit_id FROM evidence_files f LEFT JOIN packages p ON p.id = f.package_id
     WHERE f.id = ANY(:ids)
    """
)


@dataclass(frozen=True, slots=True)
class _Likeness:
    """How another photograph is the same: by its bytes (no bit differs), or by its looks."""

    is_exact: bool
    bits: int
    turn: Turn


@dataclass(frozen=True, slots=True)
class _Other:
    """A photograph of the same authority with the same bytes, or that looks the same."""

    id: UUID
    received_at: datetime
    visit_id: UUID | None
    likeness: _Likeness


async def find_duplicates(
    session: AsyncSession, due: Sequence[Row[Any]], standards: Standards
) -> dict[UUID, list[_Other]]:
    """One statement for a photograph's looks, two for all the rest of the batch.

    Looks are not asked for where earlier photographs of the same bytes fill the list already: whatever is like this one is like
    those, and lists them.
    """
    most = standards.likeness["most_shown"]
    found: dict[UUID, dict[UUID, _Likeness]] = {row.id: {} for row in due}
    earlier: Counter[UUID] = Counter()
    for same in await session.execute(_SAME_BYTES, {"ids": list(found), "most": most}):
        found[same.mine][same.id] = _Likeness(is_exact=True, bits=0, turn=Turn.UPRIGHT)
        earlier[same.mine] += same.is_earlier
    for row in due:
        if earlier[row.id] < most:
            found[row.id] = await _find_like(session, row, standards) | found[row.id]
    ids = {other for others in found.values() for other in others}
    known = {row.id: row for row in await session.execute(_OTHERS, {"ids": list(ids)})} if ids else {}
    return {
        identifier: [
            _Other(other, known[other].received_at, known[other].visit_id, likeness)
            for other, likeness in others.items()
        ]
        for identifier, others in found.items()
    }


async def _find_like(session: AsyncSession, row: Row[Any], standards: Standards) -> dict[UUID, _Likeness]:
    """The authority's photographs that look like this one, turned and mirrored ones too; none for what cannot be compared.

    Every one within `largest_distance` bits (less than FOUND_SURELY) is found, or MOST_ALIKE of them.
    """
    if not row.perceptual_hashes or row.authority_id is None:
        return {}
    turned = [as_unsigned(value) for value in row.perceptual_hashes]
    values = {
        "authority_id": row.authority_id,
        "id": row.id,
        "slots": probes_of(turned),
        "largest": standards.likeness["largest_distance"],
        "most": MOST_ALIKE,
        **{f"hash_{turn}": as_signed(turned[turn]) for turn in Turn},
    }
    found = await session.execute(_LIKE_THIS, values)
    return {near.evidence_id: _nearest(as_unsigned(near.perceptual_hash), turned) for near in found}


def _nearest(theirs: int, turned: Sequence[int]) -> _Likeness:
    bits, turn = min((distance(turned[turn], theirs), turn) for turn in Turn)
    return _Likeness(is_exact=False, bits=bits, turn=turn)


def in_order(
    due: Sequence[Row[Any]], found: Mapping[UUID, Sequence[_Other]], standards: Standards
) -> tuple[dict[UUID, list[dict[str, Any]]], dict[UUID, list[UUID]]]:
    """Of each photograph: the earlier ones that it repeats, as they are kept (nearest first, so many), and the later ones to
    which it is news: none when earlier ones of the same bytes fill its own list, since those fill theirs as well."""
    most = standards.likeness["most_shown"]
    earlier: dict[UUID, list[dict[str, Any]]] = {}
    later: dict[UUID, list[UUID]] = {}
    for row in due:
        own = (row.received_at, row.id)
        before = [other for other in found[row.id] if (other.received_at, other.id) < own]
        before.sort(key=_nearest_first)
        kept = before[:most]
        earlier[row.id] = [_duplicate(row, other, standards) for other in kept]
        is_news = len(kept) < most or not kept[-1].likeness.is_exact
        later[row.id] = [
            other.id for other in found[row.id] if is_news and (other.received_at, other.id) > own
        ]
    return earlier, later


def _nearest_first(other: _Other) -> tuple[Any, ...]:
    return (not other.likeness.is_exact, other.likeness.bits, other.received_at, other.id)


def _duplicate(row: Row[Any], other: _Other, standards: Standards) -> dict[str, Any]:
    is_same_visit = row.visit_id is not None and row.visit_id == other.visit_id
    said: dict[str, Any] = {
        "is_exact": other.likeness.is_exact,
        "is_same_visit": is_same_visit,
        "bits": other.likeness.bits,
    }
    check = judge_duplicate(standards, **said, turn=other.likeness.turn)
    return {
        "evidence_id": row.id,
        "other_id": other.id,
        **said,
        "turn": int(other.likeness.turn),
        "weight": check.weight,
    }


async def write_duplicates(
    session: AsyncSession, earlier: Mapping[UUID, list[dict[str, Any]]]
) -> dict[UUID, set[UUID]]:
    """Keep the duplicates that were found; gives which of them are new, other or gone, of each photograph where any are."""
    kept: dict[UUID, list[dict[str, Any]]] = {identifier: [] for identifier in earlier}
    columns = [column.name for column in EvidenceDuplicate.__table__.columns]
    wanted = select(EvidenceDuplicate).where(EvidenceDuplicate.evidence_id.in_(list(kept)))
    for one in (await session.execute(wanted)).scalars():
        kept[one.evidence_id].append({name: getattr(one, name) for name in columns})
    changed: dict[UUID, set[UUID]] = {}
    for identifier in earlier:
        before, now = _by_other(kept[identifier]), _by_other(earlier[identifier])
        if before != now:
            others = before.keys() | now.keys()
            changed[identifier] = {other for other in others if before.get(other) != now.get(other)}
    if changed:
        gone = delete(EvidenceDuplicate).where(EvidenceDuplicate.evidence_id.in_(list(changed)))
        await session.execute(gone)
    rows = [one for identifier in changed for one in earlier[identifier]]
    if rows:
        await session.execute(insert(EvidenceDuplicate), rows)
    return changed


def _by_other(rows: Sequence[Mapping[str, Any]]) -> dict[UUID, Mapping[str, Any]]:
    return {row["other_id"]: row for row in rows}
