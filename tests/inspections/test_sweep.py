"""What was kept and not processed is finished later; one poison package never blocks the rest."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import standing_at, utc_now
from app.schemas.mobile.packages import PackageAnswer
from app.services.inspections import service
from app.services.inspections.context import Context
from app.services.inspections.intake import Arrived
from app.services.runtime import Runtime
from tests.factories.field import Field
from tests.factories.world import World


def sweep(world: World, runtime: Runtime) -> int:
    with standing_at(utc_now() + timedelta(minutes=2)):
        return int(world.client.portal.call(service.sweep_packages, runtime))  # type: ignore[union-attr]


def status_of(world: World, package_id: UUID) -> str:
    async def find(session: AsyncSession) -> str:
        found = text("SELECT status FROM package_intakes WHERE package_id = :id")
        return str((await session.execute(found, {"id": package_id})).scalar_one())

    return str(world.in_database(find))


def test_a_package_interrupted_after_it_was_kept_is_finished_by_the_sweep(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = Field(world)
    officers = [world.person("inspector") for _ in range(2)]
    phone = field.phone(officers[0].user_id)
    template = field.publish("rto")
    poison, sound = (
        phone.seal(field.document(template, [officer.user_id for officer in officers]), []) for _ in range(2)
    )
    process = service.process_package

    async def die(*_: object) -> None:
        raise ConnectionError("the process dies here")

    monkeypatch.setattr(service, "process_package", die)
    assert [phone.put_package(package).status_code for package in (poison, sound)] == [500, 500]
    assert status_of(world, poison.id) == status_of(world, sound.id) == "received"

    async def process_all_but_one(
        session: AsyncSession, running: Runtime, arrived: Arrived, context: Context
    ) -> PackageAnswer:
        if arrived.package_id == poison.id:
            raise RuntimeError("poison")
        return await process(session, running, arrived, context)

    monkeypatch.setattr(service, "process_package", process_all_but_one)
    assert sweep(world, runtime) >= 2
    assert (status_of(world, poison.id), status_of(world, sound.id)) == ("received", "processed")
    assert phone.receipt(sound.id) is not None
    waiting = world.person("supervisor").get("/api/v1/inspections/waiting-packages").json()["items"]
    assert [(row["package_id"], row["attempts"]) for row in waiting] == [(str(poison.id), 1)]
    monkeypatch.setattr(service, "process_package", process)
    assert phone.put_package(poison).status_code == 200
    assert status_of(world, poison.id) == "processed"
