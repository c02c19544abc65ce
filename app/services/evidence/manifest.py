"""Manifests: what a package declares, matched with what has arrived, in either order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.rows import Rows
from app.models.evidence import EvidenceDeclaration, EvidenceFile, EvidenceManifest
from app.schemas.mobile.packages import EvidenceDeclaration as Declared

_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(package, 11)) FROM unnest(CAST(:packages AS text[])) AS package"
)


async def lock_manifest(session: AsyncSession, package_id: UUID) -> None:
    """Let one transaction at a time decide whether a package is here and what is missing of it.

    Taken before the manifest's row is locked, never after.
    """
    await lock_manifests(session, [package_id])


async def lock_manifests(session: AsyncSession, package_ids: Collection[UUID]) -> None:
    """The same for several packages, in one order for everybody."""
    await session.execute(_LOCK, {"packages": sorted(map(str, package_ids))})


def manifest_sets(
    package_id: UUID,
    device_id: UUID,
    region_id: UUID,
    rows: Sequence[Declared],
    files: Sequence[Mapping[str, Any]] = (),
) -> tuple[Rows, Rows, Rows]:
    """What insert_rows writes to take a package's manifest in, once; an id declared twice counts once, as declared last.

    `files`: rows of EvidenceFile for declared files that came with the package (file_row), and are verified by that.
    """
    common = {"package_id": package_id, "device_id": device_id, "region_id": region_id}
    declared = {row.id: row for row in rows}
    status = {file["id"]: "verified" for file in files}
    return (
        (EvidenceManifest, [common | {"missing": len(declared) - len(status)}]),
        (
            EvidenceDeclaration,
            [common | _columns(row) | {"status": status.get(row.id, "missing")} for row in declared.values()],
        ),
        (EvidenceFile, [{**file, "is_claimed": True, "region_id": region_id} for file in files]),
    )


def _columns(row: Declared) -> dict[str, object]:
    return {
        "id": row.id,
        "sha256": row.hash,
        "size": row.size,
        "media_type": row.media_type,
        "question": row.question,
        "source": row.source,
        "name": row.name,
        "captured_at": row.captured_at,
        "monotonic_ms": row.monotonic_ms,
        "position": row.position.model_dump(mode="json") if row.position else None,
    }


OWNER = (
    "(SELECT first.device_id FROM evidence_declarations first WHERE first.id = {id} "
    "ORDER BY first.declared_at, first.package_id LIMIT 1)"
)
"""The phone whose file the id names, as an SQL value: the one that declared it first, whoever declares it after that."""

# The files are locked first: one that is swept away at this moment is not claimed.
_CLAIM_ARRIVED = text(
    f"""
    WITH arrived AS (
        SELECT d.package_id, d.id, d.region_id FROM evidence_declarations d JOIN evidence_files f
            ON f.id = d.id AND f.sha256 = d.sha256 AND f.size = d.size AND f.device_id = d.device_id
         WHERE d.package_id = ANY(CAST(:packages AS uuid[])) AND d.status = 'missing'
           AND (f.is_claimed OR f.device_id = {OWNER.format(id="f.id")}) ORDER BY f.id, d.package_id
           FOR UPDATE OF f),
    claimed AS (
        UPDATE evidence_files f SET is_claimed = true,
               package_id = CASE WHEN f.is_claimed THEN f.package_id ELSE a.package_id END,
               region_id = CASE WHEN f.is_claimed THEN f.region_id ELSE a.region_id END FROM arrived a WHERE f.id = a.id),
    verified AS (
        UPDATE evidence_declarations d SET status = 'verified' FROM arrived a
         WHERE d.package_id = a.package_id AND d.id = a.id),
    counted AS (
        UPDATE evidence_manifests m SET missing = m.missing - a.number
          FROM (SELECT package_id, count(*) AS number FROM arrived GROUP BY package_id) a
         WHERE m.package_id = a.package_id)
    SELECT package_id, id FROM arrived
    """
)


async def claim_arrived(session: AsyncSession, package_ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """Claim the files that came before their packages, under lock_manifests; returns their ids by package.

    A file stays of the first package that claimed it, and of its region, whoever declares it again; one whose id another phone
    declared first is not claimed.
    """
    found: dict[UUID, set[UUID]] = {}
    for row in await session.execute(_CLAIM_ARRIVED, {"packages": list(package_ids)}):
        found.setdefault(row.package_id, set()).add(row.id)
    return found


async def missing_evidence(session: AsyncSession, package_id: UUID) -> list[UUID]:
    """The declared files of a package that are neither stored nor withdrawn."""
    wanted = select(EvidenceDeclaration.id).where(
        EvidenceDeclaration.package_id == package_id, EvidenceDeclaration.status == "missing"
    )
    return list((await session.execute(wanted.order_by(EvidenceDeclaration.id))).scalars())


@dataclass(frozen=True, slots=True)
class DeclaredFile:
    """One row of a manifest, as a receipt lists it."""

    id: UUID
    sha256: str
    size: int
    status: str


def all_verified(rows: Sequence[Declared]) -> list[DeclaredFile]:
    """A manifest whose files are all there, as a receipt lists it: in order of id."""
    declared = {row.id: DeclaredFile(row.id, row.hash, row.size, "verified") for row in rows}
    return [declared[identifier] for identifier in sorted(declared)]


DECLARED = (
    "SELECT coalesce(json_agg(json_build_object('id', d.id, 'file', json_build_array(d.sha256, d.size, d.status)) "
    "ORDER BY d.id), '[]') FROM evidence_declarations d WHERE d.package_id = :package_id"
)
"""Every row of a package's manifest, in order of id, as one SQL value: [{id, file: [sha256, size, status]}]."""
