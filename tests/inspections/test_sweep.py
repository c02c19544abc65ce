"""What was kept and not processed is finished later; one poison package never blocks the rest."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import standing_at, utc_now
from app.core.ids import new_id
from app.models.inspections import PackageIntake
from app.schemas.mobile.packages import PackageAnswer
from app.services.inspections import service
from app.services.inspections.processing import Waiting
from app.services.inspections.records import PROCESSING
from app.services.runtime import Runtime
from tests.factories.field import Field
from tests.factories.sending import Sending
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
    process = service.process_packages

    async def die(*_: object) -> None:
        raise ConnectionError("the process dies here")

    monkeypatch.setattr(service, "process_packages", die)
    assert [phone.put_package(package).status_code for package in (poison, sound)] == [500, 500]
    assert status_of(world, poison.id) == status_of(world, sound.id) == "received"

    async def process_all_but_one(
        session: AsyncSession, running: Runtime, waiting: Sequence[Waiting]
    ) -> list[PackageAnswer]:
        if poison.id in {one.arrived.package_id for one in waiting}:
            raise RuntimeError("poison")
        return await process(session, running, waiting)

    monkeypatch.setattr(service, "process_packages", process_all_but_one)
    assert sweep(world, runtime) >= 2
    assert (status_of(world, poison.id), status_of(world, sound.id)) == ("received", "processed")
    assert phone.receipt(sound.id) is not None
    waiting = world.person("supervisor").get("/api/v1/inspections/waiting-packages").json()["items"]
    assert [(row["package_id"], row["attempts"]) for row in waiting] == [(str(poison.id), 1)]
    monkeypatch.setattr(service, "process_packages", process)
    assert phone.put_package(poison).status_code == 200
    assert status_of(world, poison.id) == "processed"


def test_what_an_earlier_version_kept_and_this_one_cannot_read_is_set_aside_once(
    world: World, runtime: Runtime
) -> None:
    """It neither stops the sweep nor is tried again and again."""
    sending = Sending(world)
    package = sending.raw(b"{}")

    async def keep(session: AsyncSession) -> None:
        session.add(
            PackageIntake(
                package_id=package.id, sha256=package.hash, sealed=package.sealed, signature="x", key_id="x",
                device_id=sending.phone.device_id, user_id=sending.team[0].user_id, status="received",
            )
        )  # fmt: skip

    world.in_database(keep)
    assert sweep(world, runtime) >= 1
    assert sending.status(package.id) == ("quarantined", "unreadable: unknown_schema")
    assert sending.kept(package.id) == [b"{}"]


def test_a_package_that_keeps_failing_is_tried_more_seldom_and_never_given_up(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = Sending(world)
    package = sending.sealed()
    process = service.process_packages

    async def die(*_: object) -> None:
        raise RuntimeError("always")

    monkeypatch.setattr(service, "process_packages", die)
    monkeypatch.setattr(service, "MAX_ATTEMPTS", 2)
    assert sending.phone.put_package(package).status_code == 500
    for _ in range(4):
        sweep(world, runtime)
    waiting = world.person("supervisor").get("/api/v1/inspections/waiting-packages").json()["items"]
    assert [(row["package_id"], row["attempts"]) for row in waiting] == [(str(package.id), 2)]
    monkeypatch.setattr(service, "process_packages", process)
    sweep(world, runtime)
    assert status_of(world, package.id) == "received"
    with standing_at(utc_now() + timedelta(minutes=65)):
        world.client.portal.call(service.sweep_packages, runtime)  # type: ignore[union-attr]
    assert status_of(world, package.id) == "processed"
    assert sending.kept(package.id) == [package.sealed]


def test_a_package_set_aside_at_the_last_moment_is_not_written_all_the_same(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = Sending(world)
    package = sending.sealed()
    process = service.process_packages

    async def set_aside_and_process(
        session: AsyncSession, running: Runtime, waiting: Sequence[Waiting]
    ) -> list[PackageAnswer]:
        async with runtime.database.write() as other:
            wanted = text(
                "UPDATE package_intakes SET status = 'quarantined', reason = 'x' WHERE package_id = :id"
            )
            await other.execute(wanted, {"id": package.id})
        return await process(session, running, waiting)

    monkeypatch.setattr(service, "process_packages", set_aside_and_process)
    answer = sending.phone.put_package(package)
    assert (answer.status_code, answer.json()["code"]) == (422, "package_quarantined")

    async def count(session: AsyncSession) -> int:
        wanted = text("SELECT count(*) FROM packages WHERE id = :id")
        return int((await session.execute(wanted, {"id": package.id})).scalar_one())

    assert world.in_database(count) == 0


def test_marking_packages_processed_never_reads_the_index_of_what_waits(world: World) -> None:
    async def plan(session: AsyncSession) -> str:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        rows = await session.execute(text(f"EXPLAIN {PROCESSING}"), {"package_ids": [new_id()]})
        return "\n".join(row[0] for row in rows)

    found = world.in_database(plan)
    assert "pk_package_intakes" in found
    assert "ix_package_intakes_unprocessed" not in found
