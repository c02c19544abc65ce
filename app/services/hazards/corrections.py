"""What a correction means for the registry: the hazards of the packages it replaces stay the ones they are."""

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.hazards import Hazard

_LINE = text(
    """
    WITH RECURSIVE line AS (
        SELECT id, supersedes_id FROM packages WHERE id = :id
        UNION
        SELECT p.id, p.supersedes_id FROM packages p JOIN line ON p.id = line.supersedes_id)
    SELECT id FROM line
    """
)

_FAMILY = text(
    """
    WITH RECURSIVE line AS (
        SELECT id, supersedes_id FROM packages WHERE id = :id
        UNION
        SELECT p.id, p.supersedes_id FROM packages p JOIN line ON p.id = line.supersedes_id),
    family AS (
        SELECT id FROM line WHERE supersedes_id IS NULL
        UNION
        SELECT p.id FROM packages p JOIN family ON p.supersedes_id = family.id)
    SELECT id FROM family
    """
)


async def corrected_line(session: AsyncSession, package_id: UUID) -> set[UUID]:
    """The package and every one it replaces, directly or through others."""
    return set((await session.execute(_LINE, {"id": package_id})).scalars())


async def registered_findings(session: AsyncSession, package_id: UUID) -> set[str]:
    """The keys of the findings that a package, one it replaces, or another correction of these has put into the registry."""
    family = (await session.execute(_FAMILY, {"id": package_id})).scalars().all()
    known = select(Hazard.finding_key).where(Hazard.package_id.in_(family), Hazard.item_code.is_not(None))
    return {key for key in (await session.execute(known)).scalars() if key}
