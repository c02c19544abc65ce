"""Which rows the caller's assignments name in each collection: he holds them whatever their regions, as long as one is live."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.services.sync.scope import Named, OwnAssignment


async def nothing_named(_: AsyncSession, __: Sequence[OwnAssignment]) -> Named:
    return Named()


async def named_assignments(_: AsyncSession, own: Sequence[OwnAssignment]) -> Named:
    return Named.of((one.id, one.is_live, one.region_id) for one in own)


_SITES = text("SELECT id, region_id FROM sites WHERE id = ANY(CAST(:ids AS uuid[]))")
_ENTERPRISES = text(
    """
    SELECT s.id AS site_id, s.region_id AS site_region, e.id, e.region_id
      FROM sites s JOIN enterprises e
        ON e.id = s.enterprise_id OR e.id IN (SELECT enterprise_id FROM site_links WHERE site_id = s.id)
     WHERE s.id = ANY(CAST(:ids AS uuid[]))
    """
)


async def named_sites(session: AsyncSession, own: Sequence[OwnAssignment]) -> Named:
    live = {one.site_id for one in own if one.is_live}
    found = await session.execute(_SITES, {"ids": [one.site_id for one in own]})
    return Named.of((row.id, row.id in live, row.region_id) for row in found)


async def named_enterprises(session: AsyncSession, own: Sequence[OwnAssignment]) -> Named:
    """The site's own, and those that operate or let it."""
    live = {one.site_id for one in own if one.is_live}
    found = (await session.execute(_ENTERPRISES, {"ids": [one.site_id for one in own]})).all()
    named = Named.of((row.id, row.site_id in live, row.region_id) for row in found)
    return Named(named.all, named.live, named.regions | {row.site_region for row in found})


_HAZARDS = text("SELECT id, region_id FROM hazards WHERE id = ANY(CAST(:ids AS uuid[]))")
_MEMBERS = text(
    """
    SELECT m.assignment_id, u.id, u.region_id FROM assignment_members m JOIN users u ON u.id = m.user_id
     WHERE m.assignment_id = ANY(CAST(:ids AS uuid[]))
    """
)


async def named_hazards(session: AsyncSession, own: Sequence[OwnAssignment]) -> Named:
    live = {hazard_id for one in own if one.is_live for hazard_id in one.hazard_ids}
    ids = [hazard_id for one in own for hazard_id in one.hazard_ids]
    found = await session.execute(_HAZARDS, {"ids": ids}) if ids else ()
    return Named.of((row.id, row.id in live, row.region_id) for row in found)


async def named_members(session: AsyncSession, own: Sequence[OwnAssignment]) -> Named:
    live = {one.id for one in own if one.is_live}
    found = await session.execute(_MEMBERS, {"ids": [one.id for one in own]})
    return Named.of((row.id, row.assignment_id in live, row.region_id) for row in found)
