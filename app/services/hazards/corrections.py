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


async def corrected_line(session: AsyncSession, package_id: UUID) -> set[UUID]:
    """The package and every one it replaces, directly or through others."""
    return set((await session.execute(_LINE, {"id": package_id})).scalars())


async def registered_findings(session: AsyncSession, package_id: UUID) -> set[str]:
    """The keys of the findings that a package, or one it replaces, has put into the registry."""
    line = await corrected_line(session, package_id)
    known = select(Hazard.finding_key).where(Hazard.package_id.in_(line), Hazard.item_code.is_not(None))
    return {key for key in (await session.execute(known)).scalars() if key}
