"""Judging the provenance of what was examined: in batches, one judge at a time, from the database alone.

A photograph is judged once it is claimed and examined, and again when `judged_at` is taken off it: a file that came later and
concerns it, or other standards. Judging again changes only what comes out differently, and never a reviewer's verdict.

The capture before is that of a file which is claimed and examined as well: what is merely declared speaks of no photograph, and may
never come. So what is judged depends on what has arrived, and not on the order in which it did.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from structlog import get_logger

from app.core.clock import utc_now
from app.core.geo import to_wgs84
from app.db.rows import insert_rows
from app.models.evidence import EvidenceFile, EvidenceLikeness, EvidenceProvenance
from app.services.evidence.duplicates import find_duplicates, in_order, write_duplicates
from app.services.evidence.likeness import as_unsigned, slots_of
from app.services.evidence.provenance import (
    Camera,
    Capture,
    Check,
    Facts,
    Fix,
    Place,
    judge,
    score_of,
)
from app.services.evidence.standards import Standards, standards_with
from app.services.runtime import Runtime

BATCH = 50
log = get_logger()

# Of a declaration `e`: its own file is here, so it is judged, or will be.
_IS_HERE = (
    "EXISTS (SELECT FROM evidence_files f WHERE f.id = e.id AND f.package_id = e.package_id "
    "AND f.is_claimed AND f.examined_at IS NOT NULL)"
)

_ONE_JUDGE = text("SELECT pg_try_advisory_xact_lock(hashtextextended('evidence.provenance', 13))")

_DUE = text(
    f"""
    WITH due AS MATERIALIZED (
        SELECT * FROM evidence_files
         WHERE is_claimed AND examined_at IS NOT NULL AND judged_at IS NULL
         ORDER BY received_at, id LIMIT :batch)
    SELECT due.id, due.package_id, due.region_id, due.device_id, due.sha256, due.received_at, due.detected_type, due.flags,
           due.metadata_facts, due.perceptual_hashes, d.source, d.captured_at, d.monotonic_ms, d.position,
           p.times, v.id AS visit_id, coalesce(v.authority_id, h.authority_id) AS authority_id,
           s.geofence, s.latitude, s.longitude,
           before.package_id AS before_package_id, before.captured_at AS before_captured_at,
           before.monotonic_ms AS before_monotonic_ms, before.position AS before_position,
           known.version, known.checks, known.score, known.standards_version
      FROM due
      LEFT JOIN evidence_declarations d ON d.package_id = due.package_id AND d.id = due.id
      LEFT JOIN packages p ON p.id = due.package_id
      LEFT JOIN visits v ON v.id = p.visit_id
      LEFT JOIN hazards h ON h.id = due.hazard_id
      LEFT JOIN sites s ON s.id = coalesce(v.site_id, h.site_id)
      LEFT JOIN evidence_provenance known ON known.evidence_id = due.id
      LEFT JOIN LATERAL (
        SELECT e.package_id, e.captured_at, e.monotonic_ms, e.position FROM evidence_declarations e
         WHERE e.device_id = d.device_id AND (e.captured_at, e.id) < (d.captured_at, d.id) AND e.id <> d.id
           AND e.position IS NOT NULL AND {_IS_HERE}
         ORDER BY e.captured_at DESC, e.id DESC LIMIT 1) before ON true
     ORDER BY due.received_at, due.id
    """
)

# The next capture's speed is counted from this one from now on.
_NEXT_IS_DUE = text(
    f"""
    UPDATE evidence_files SET judged_at = NULL
     WHERE judged_at IS NOT NULL AND id IN (
        SELECT after.id FROM evidence_declarations d CROSS JOIN LATERAL (
            SELECT e.id FROM evidence_declarations e
             WHERE e.device_id = d.device_id AND (e.captured_at, e.id) > (d.captured_at, d.id) AND e.id <> d.id
               AND e.position IS NOT NULL AND {_IS_HERE}
             ORDER BY e.captured_at, e.id LIMIT 1) after
         WHERE d.id = ANY(:ids) AND d.position IS NOT NULL)
    """
)


async def judge_waiting(runtime: Runtime, batch: int = BATCH) -> int:
    """Judge up to `batch` photographs that wait, in one transaction; gives their number (0 also while another judge works)."""
    standards = standards_with(runtime.settings.evidence_impossible_kmh)
    async with runtime.database.write() as session:
        if not await session.scalar(_ONE_JUDGE):
            return 0
        due = list(await session.execute(_DUE, {"batch": batch}))
        if due:
            await _judge_batch(session, due, standards)
        return len(due)


async def let_older_be_judged(runtime: Runtime, batch: int = 1000) -> int:
    """Let up to `batch` photographs that were judged by older standards be judged again; gives their number."""
    standards = standards_with(runtime.settings.evidence_impossible_kmh)
    older = select(EvidenceProvenance.evidence_id).where(
        EvidenceProvenance.standards_version < standards.version
    )
    again = (
        update(EvidenceFile)
        .where(EvidenceFile.id.in_(older.limit(batch)), EvidenceFile.judged_at.is_not(None))
        .values(judged_at=None)
        .returning(EvidenceFile.id)
    )
    async with runtime.database.write() as session:
        return len((await session.execute(again)).all())


async def _judge_batch(session: AsyncSession, taken: Sequence[Row[Any]], standards: Standards) -> None:
    judged = _judge_each(taken, standards)
    due = [row for row in taken if row.id in judged]
    new = [row for row in due if row.version is None]
    await _enter(session, new, judged, standards)
    found = await find_duplicates(session, due, standards)
    earlier, later = in_order(due, found, standards)
    changed = await write_duplicates(session, earlier)
    regions = await _regions_of(session, {other for others in changed.values() for other in others})
    is_other = {
        row.id for row in due if any(regions[one] == row.region_id for one in changed.get(row.id, ()))
    }
    for row in due:
        has_duplicates = bool(earlier[row.id]) if row.id in changed else None
        await _write(session, row, judged[row.id], standards, has_duplicates, is_other=row.id in is_other)
    await _let_be_judged_again(session, [row.id for row in taken if row.version is None], later)
    done = update(EvidenceFile).where(EvidenceFile.id.in_([row.id for row in taken]))
    await session.execute(done.values(judged_at=utc_now()))


def _judge_each(taken: Sequence[Row[Any]], standards: Standards) -> dict[UUID, list[Check]]:
    """The checks of each; one that cannot be judged (a defect of ours) is left out and logged, and keeps nobody else waiting."""
    judged = {}
    for row in taken:
        try:
            judged[row.id] = judge(_facts(row), standards)
        except Exception as error:
            kind = type(error).__name__
            log.error("provenance_not_judged", evidence_id=str(row.id), kind=kind, exc_info=error)
    return judged


async def _enter(
    session: AsyncSession, new: Sequence[Row[Any]], judged: Mapping[UUID, list[Check]], standards: Standards
) -> None:
    """The rows of photographs judged for the first time, and their places in the index: found by one another from here on."""
    rows = [
        {
            "evidence_id": row.id,
            "region_id": row.region_id,
            "authority_id": row.authority_id,
            "checks": [_as_kept(check) for check in judged[row.id]],
            "score": score_of(judged[row.id]),
            "has_duplicates": False,
            "standards_version": standards.version,
        }
        for row in new
    ]
    places = [
        {
            "evidence_id": row.id,
            "slot": slot,
            "authority_id": row.authority_id,
            "perceptual_hash": row.perceptual_hashes[0],
        }
        for row in new
        if row.perceptual_hashes and row.authority_id
        for slot in slots_of(as_unsigned(row.perceptual_hashes[0]))
    ]
    await insert_rows(session, (EvidenceProvenance, rows), (EvidenceLikeness, places))


async def _regions_of(session: AsyncSession, ids: set[UUID]) -> dict[UUID, UUID]:
    if not ids:
        return {}
    judged = EvidenceProvenance
    wanted = select(judged.evidence_id, judged.region_id).where(judged.evidence_id.in_(ids))
    return {row.evidence_id: row.region_id for row in await session.execute(wanted)}


async def _write(
    session: AsyncSession,
    row: Row[Any],
    judged: Sequence[Check],
    standards: Standards,
    has_duplicates: bool | None,
    *,
    is_other: bool,
) -> None:
    """Keep what comes out differently (`has_duplicates` None: as before), and nothing else.

    The version counts on when a check did, or a duplicate of the same region (`is_other`): nobody gives a verdict on what he has
    not seen, and whoever may not see a photograph of another region does not learn of it by a number.
    """
    checks = [_as_kept(check) for check in judged]
    is_new = row.version is None
    is_changed = not is_new and (row.checks != checks or is_other)
    if has_duplicates is None and not is_changed and row.standards_version in (None, standards.version):
        return
    values = {"checks": checks, "score": score_of(judged), "standards_version": standards.version}
    if has_duplicates is not None:
        values["has_duplicates"] = has_duplicates
    if is_changed:
        values |= {"version": EvidenceProvenance.version + 1, "changed_at": utc_now()}
    own = EvidenceProvenance.evidence_id == row.id
    await session.execute(update(EvidenceProvenance).where(own).values(**values))


async def _let_be_judged_again(
    session: AsyncSession, new: Sequence[UUID], later: Mapping[UUID, Sequence[UUID]]
) -> None:
    """What came later but was judged sooner is judged again, once.

    Only a photograph that is taken up for the first time asks for it, even if it could not be judged itself.
    """
    if not new:
        return
    await session.execute(_NEXT_IS_DUE, {"ids": list(new)})
    others = sorted({other for identifier in new for other in later.get(identifier, ())})
    if others:
        again = update(EvidenceFile).where(EvidenceFile.id.in_(others)).values(judged_at=None)
        await session.execute(again)


def _as_kept(check: Check) -> dict[str, Any]:
    return {
        "code": check.code.value,
        "outcome": check.outcome.value,
        "weight": check.weight,
        "zh": check.zh,
        "en": check.en,
        "compared": dict(check.compared),
    }


def _facts(row: Row[Any]) -> Facts:
    times = row.times or {}
    sealed_at = times.get("sealed_at")
    return Facts(
        received_at=row.received_at,
        source=row.source,
        captured_at=row.captured_at,
        monotonic_ms=row.monotonic_ms,
        sealed_at=datetime.fromisoformat(sealed_at) if sealed_at else None,
        sealed_monotonic_ms=times.get("monotonic_ms"),
        fix=_fix(row.position),
        is_mock=row.position.get("mock") if row.position else None,
        camera=_camera(row),
        fence=_fence(row.geofence),
        site_place=(row.latitude, row.longitude) if row.latitude is not None and row.longitude is not None else None,
        previous=_previous(row),
    )  # fmt: skip


def _fix(position: Mapping[str, Any] | None) -> Fix | None:
    if position is None:
        return None
    place = to_wgs84(position["latitude"], position["longitude"], position["datum"])
    return Fix(place=place, accuracy_m=position.get("accuracy_m"))


def _camera(row: Row[Any]) -> Camera | None:
    """What the file says of itself; None where it was no picture that could be opened (those have their width at least)."""
    facts = row.metadata_facts or {}
    if "width" not in facts:
        return None
    place = facts.get("position")
    return Camera(
        make=facts.get("make"),
        model=facts.get("model"),
        software=facts.get("software"),
        taken_at=_moment(facts.get("taken_at")),
        satellite_at=_moment(facts.get("gps_at")),
        place=(place["latitude"], place["longitude"]) if place else None,
        datum=place["datum"] if place else None,
    )


def _moment(written: str | None) -> datetime | None:
    """A time of the camera's; years 1 and 9999 cannot be moved between time zones and say nothing."""
    found = datetime.fromisoformat(written) if written else None
    return found if found and 1 < found.year < 9999 else None


def _fence(geofence: Mapping[str, Any] | None) -> tuple[Place, ...] | None:
    return tuple((latitude, longitude) for latitude, longitude in geofence["ring"]) if geofence else None


def _previous(row: Row[Any]) -> Capture | None:
    fix = _fix(row.before_position)
    if fix is None:
        return None
    return Capture(
        captured_at=row.before_captured_at,
        fix=fix,
        monotonic_ms=row.before_monotonic_ms,
        is_same_boot=row.before_package_id == row.package_id,
    )
