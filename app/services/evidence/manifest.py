"""Manifests: what a package declares, matched with what has arrived, in either order."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.rows import Rows
from app.models.evidence import EvidenceDeclaration, EvidenceManifest
from app.schemas.mobile.packages import EvidenceDeclaration as Declared

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:package, 11))")


async def lock_manifest(session: AsyncSession, package_id: UUID) -> None:
    """Let one transaction at a time decide whether a package is here and what is missing of it.

    Taken before the manifest's row is locked, never after.
    """
    await session.execute(_LOCK, {"package": str(package_id)})


def manifest_sets(
    package_id: UUID, device_id: UUID, region_id: UUID, rows: Sequence[Declared]
) -> tuple[Rows, Rows]:
    """What insert_rows writes to take a package's manifest in, once; an id declared twice counts once, as declared last."""
    common = {"package_id": package_id, "device_id": device_id, "region_id": region_id}
    declared = {row.id: row for row in rows}
    return (
        (EvidenceManifest, [common | {"missing": len(declared)}]),
        (EvidenceDeclaration, [common | _columns(row) for row in declared.values()]),
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


# The files are locked first: one that is swept away at this moment is not claimed.
_CLAIM_ARRIVED = text(
    """
    WITH claimed AS (
        UPDATE evidence_files f SET is_claimed = true,
               region_id = CASE WHEN f.is_claimed THEN f.region_id ELSE :region_id END FROM evidence_declarations d
         WHERE d.package_id = :package_id AND d.status = 'missing' AND f.id = d.id AND f.sha256 = d.sha256
           AND f.size = d.size AND f.device_id = d.device_id RETURNING f.id),
    verified AS (
        UPDATE evidence_declarations SET status = 'verified'
         WHERE package_id = :package_id AND id IN (SELECT id FROM claimed)),
    counted AS (
        UPDATE evidence_manifests SET missing = missing - (SELECT count(*) FROM claimed)
         WHERE package_id = :package_id AND EXISTS (SELECT FROM claimed))
    SELECT id FROM claimed
    """
)


async def claim_arrived(session: AsyncSession, package_id: UUID, region_id: UUID) -> set[UUID]:
    """Claim the files that came before their package, under lock_manifest; returns their ids.

    A file stays of the region of the first package that declared it, whoever declares it again.
    """
    values = {"package_id": package_id, "region_id": region_id}
    return set((await session.execute(_CLAIM_ARRIVED, values)).scalars())


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


DECLARED = (
    "SELECT coalesce(json_agg(json_build_object('id', d.id, 'file', json_build_array(d.sha256, d.size, d.status)) "
    "ORDER BY d.id), '[]') FROM evidence_declarations d WHERE d.package_id = :package_id"
)
"""Every row of a package's manifest, in order of id, as one SQL value: [{id, file: [sha256, size, status]}]."""
