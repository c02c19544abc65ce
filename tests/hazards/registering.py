"""Hazards put into the registry directly, with the change rows every writer leaves; for tests of reading many of them."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.models.enterprises import Enterprise, Site
from app.models.hazards import Hazard
from app.models.history import Change
from tests.factories.world import World


class Registry:
    """Enterprises, sites and hazards of one world."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def enterprise(
        self, session: AsyncSession, region_id: UUID, trades: list[str] | None = None, **values: Any
    ) -> UUID:
        """A new enterprise."""
        identifier = new_id()
        session.add(
            Enterprise(
                id=identifier, substitute_mark=f"M{identifier.hex}", region_id=region_id, regulated_trades=trades or [],
                **{"name": "东镇涂装厂", **values},
            )
        )  # fmt: skip
        await session.flush()
        return identifier

    async def site(
        self,
        session: AsyncSession,
        enterprise_id: UUID,
        region_id: UUID,
        place: tuple[int, int] | None = None,
    ) -> UUID:
        """A new site; `place` in microdegrees of WGS-84, latitude first."""
        identifier = new_id()
        latitude, longitude = place or (None, None)
        session.add(
            Site(
                id=identifier, enterprise_id=enterprise_id, region_id=region_id, name="一号厂区", latitude=latitude,
                longitude=longitude, declared_datum="wgs84" if place else None,
            )
        )  # fmt: skip
        await session.flush()
        return identifier

    async def hazard(
        self, session: AsyncSession, enterprise_id: UUID, site_id: UUID, region_id: UUID, **values: Any
    ) -> UUID:
        """A new hazard, found today unless told, and its change row."""
        identifier = new_id()
        plain: dict[str, Any] = {
            "source": "inspection", "description": "未设置可燃气体报警装置", "found_on": shanghai_today(),
            "status": "found", "evidence_ids": [], "number": f"安应急患〔2026〕{identifier.hex}号",
        }  # fmt: skip
        session.add(
            Hazard(
                id=identifier, authority_id=self.world.authority, enterprise_id=enterprise_id, site_id=site_id,
                region_id=region_id, **_whole(plain | values),
            )
        )  # fmt: skip
        await session.flush()
        await note(session, "hazard", identifier)
        return identifier

    async def change(self, session: AsyncSession, hazard_id: UUID, **values: Any) -> None:
        """Other values of a hazard, and its change row."""
        await session.execute(update(Hazard).where(Hazard.id == hazard_id).values(**_whole(values)))
        await note(session, "hazard", hazard_id)


def _whole(values: dict[str, Any]) -> dict[str, Any]:
    """What the table's checks want beside it: a closed hazard has its day, a major one its clause and day."""
    today: date = shanghai_today()
    if "status" in values:
        values.setdefault("closed_on", today if values["status"] == "closed" else None)
    if values.get("clause"):
        values |= {"level": "major", "major_since": today}
    return values


async def note(session: AsyncSession, kind: str, object_id: UUID) -> None:
    """A change row."""
    await session.execute(insert(Change).values(kind=kind, object_id=object_id, version=1))
