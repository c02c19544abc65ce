"""Manifests: what a package declares, matched with what has arrived, in either order."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.evidence import EvidenceDeclaration, EvidenceFile, EvidenceManifest
from app.schemas.mobile.packages import EvidenceDeclaration as Declared

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:package, 11))")


async def lock_manifest(session: AsyncSession, package_id: UUID) -> None:
    """Let one transaction at a time decide what is missing of a package; the last one sees all the others."""
    await session.execute(_LOCK, {"package": str(package_id)})


async def declare_manifest(
    session: AsyncSession, *, package_id: UUID, device_id: UUID, region_id: UUID, rows: Sequence[Declared]
) -> list[UUID]:
    """Take a package's manifest in (again: harmless) and claim the files that came first; returns the ids still missing."""
    await lock_manifest(session, package_id)
    manifest = {"package_id": package_id, "device_id": device_id, "region_id": region_id}
    await session.execute(insert(EvidenceManifest).values(manifest).on_conflict_do_nothing())
    if rows:
        common = {
            "package_id": package_id,
            "device_id": device_id,
            "region_id": region_id,
            "status": "missing",
        }
        values = [{**_columns(row), **common} for row in {row.id: row for row in rows}.values()]
        await session.execute(insert(EvidenceDeclaration).on_conflict_do_nothing(), values)
        await _claim_arrived(session, package_id)
    return await missing_evidence(session, package_id)


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


async def _claim_arrived(session: AsyncSession, package_id: UUID) -> None:
    declared, file = EvidenceDeclaration, EvidenceFile
    same = (
        declared.package_id == package_id,
        declared.status == "missing",
        file.id == declared.id,
        file.sha256 == declared.sha256,
        file.size == declared.size,
        file.device_id == declared.device_id,
    )
    matched = update(declared).where(*same).values(status="verified").returning(declared.id)
    claimed = (
        (await session.execute(matched, execution_options={"synchronize_session": False})).scalars().all()
    )
    if claimed:
        await session.execute(
            update(file).where(file.id.in_(claimed)).values(is_claimed=True),
            execution_options={"synchronize_session": False},
        )


async def missing_evidence(session: AsyncSession, package_id: UUID) -> list[UUID]:
    """The declared files of a package that are neither stored nor withdrawn."""
    wanted = select(EvidenceDeclaration.id).where(
        EvidenceDeclaration.package_id == package_id, EvidenceDeclaration.status == "missing"
    )
    return list((await session.execute(wanted.order_by(EvidenceDeclaration.id))).scalars())


async def list_declared(session: AsyncSession, package_id: UUID) -> list[EvidenceDeclaration]:
    """Every row of a package's manifest, in order of id."""
    wanted = select(EvidenceDeclaration).where(EvidenceDeclaration.package_id == package_id)
    return list((await session.execute(wanted.order_by(EvidenceDeclaration.id))).scalars())
