"""A team on a site whose first phone was lost and revoked before it had sent everything."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Device
from app.core.ids import new_id
from tests.factories.field import SealedPackage
from tests.factories.sending import Sending
from tests.factories.world import World


class Lost(Sending):
    """Sending, and a way to lose the phone."""

    def revoke(self, phone: Device | None = None) -> None:
        """An administrator stops the phone."""
        administrator = self.world.person("administrator")
        path = f"/api/v1/devices/{(phone or self.phone).device_id}/revocation"
        answer = administrator.post(path, version=1, json={"reason": "遗失"})
        assert answer.status_code == 200, answer.text

    def fresh(self, *photos: Any, **changes: Any) -> SealedPackage:
        """A sound package of a visit of its own."""
        return self.sealed(list(photos), **{"visit_id": str(new_id()), **changes})

    def rows(self, table: str, column: str, value: Any) -> list[dict[str, Any]]:
        """The rows of a table, as the database holds them."""

        async def find(session: AsyncSession) -> list[dict[str, Any]]:
            found = await session.execute(text(f"SELECT * FROM {table} WHERE {column} = :v"), {"v": value})
            return [dict(row) for row in found.mappings()]

        return list(self.world.in_database(find))


@pytest.fixture
def lost(world: World) -> Lost:
    return Lost(world)
