"""A package whose meaning is one statement: it refuses itself where another unit would roll back."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.core.clock import utc_now
from app.core.ids import new_id
from app.db import fixed
from app.db.rows import insert_rows
from app.models.history import Change
from app.services.runtime import Runtime
from tests.factories.field import Device, Field, SealedPackage
from tests.factories.sending import Sending
from tests.factories.world import World

MEANING = "WITH insert_rows_0 AS (INSERT INTO visits"


def inspection(field: Field, phone: Device) -> SealedPackage:
    """A new visit that finds one hazard and has no photographs."""
    document = field.document(field.publish("rto"), [phone.user_id], visit_id=str(new_id()))
    return phone.seal({**document, "answers": {"RTO-01": {"value": "no"}}}, [])


@contextmanager
def just_before_it_is_written(address: str, sql: str, *values: Any) -> Iterator[None]:
    """Somebody else's committed change, after the package's surroundings were read and before its meaning is written."""
    done = []

    def come_first(_: AsyncConnection, statement: str) -> None:
        if statement.startswith(MEANING) and not done:
            done.append(statement)
            with psycopg.connect(address) as other:
                other.execute(sql, values)  # type: ignore[call-overload]

    fixed.listeners.append(come_first)
    try:
        yield
    finally:
        fixed.listeners.remove(come_first)
    assert done


def count(world: World, package_id: str) -> tuple[int, int, int]:
    """Records, hazards and receipts of a package."""

    async def work(session: AsyncSession) -> tuple[int, int, int]:
        row = await session.execute(
            text(
                "SELECT (SELECT count(*) FROM packages WHERE id = :id), (SELECT count(*) FROM hazards WHERE package_id = :id), "
                "(SELECT count(*) FROM receipts WHERE package_id = :id)"
            ),
            {"id": package_id},
        )
        return tuple(row.one())  # type: ignore[return-value]

    return world.in_database(work)  # type: ignore[no-any-return]


def test_a_package_set_aside_meanwhile_leaves_nothing_behind(world: World, database_address: str) -> None:
    field = Field(world)
    phone = field.phone(world.person("inspector").user_id)
    package = inspection(field, phone)
    aside = (
        "UPDATE package_intakes SET status = 'quarantined', reason = 'wrong_signature' WHERE package_id = %s"
    )
    with just_before_it_is_written(database_address, aside, package.id):
        answer = phone.put_package(package)
    assert (answer.status_code, answer.json()["code"]) == (422, "package_quarantined")
    assert count(world, package.id) == (0, 0, 0)


def test_a_receipt_that_came_first_is_followed_and_nothing_is_written_twice(
    world: World, database_address: str
) -> None:
    field = Field(world)
    phone = field.phone(world.person("inspector").user_id)
    assert phone.put_package(inspection(field, phone)).json()["receipt"] is True
    package = inspection(field, phone)
    moved = "UPDATE receipt_chains SET number = number + 1 WHERE device_id = %s"
    with just_before_it_is_written(database_address, moved, phone.device_id):
        answer = phone.put_package(package)
    assert (answer.status_code, answer.json()["receipt"]) == (201, True)
    receipt = phone.receipt(package.id)
    assert receipt is not None
    assert receipt["receipt"]["number"] == 3
    assert count(world, package.id) == (1, 1, 1)


def test_of_a_batch_only_what_was_set_aside_meanwhile_is_left_out(
    world: World, database_address: str
) -> None:
    sending = Sending(world)
    packages = [inspection(sending.field, sending.phone) for _ in range(3)]
    aside = (
        "UPDATE package_intakes SET status = 'quarantined', reason = 'wrong_signature' WHERE package_id = %s"
    )
    rows = json.dumps([sending.pushed(package) for package in packages]).encode()
    with just_before_it_is_written(database_address, aside, packages[1].id):
        answer = sending.phone.request("POST", "/sync/packages/push", content=rows)
    assert [one["status"] for one in answer.json()] == ["processed", "rejected", "processed"]
    assert [count(world, package.id) for package in packages] == [(1, 1, 1), (0, 0, 0), (1, 1, 1)]


def test_a_batch_of_inspections_is_its_own_transaction(world: World, runtime: Runtime) -> None:
    """It holds the series of the hazards' numbers for its one statement, not until the server comes to its commit."""
    sending = Sending(world)
    rows = [sending.pushed(inspection(sending.field, sending.phone)) for _ in range(3)]
    opened: list[str] = []
    of_one = runtime.database.write_once
    of_many = runtime.database.write
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime.database, "write_once", lambda: opened.append("once") or of_one())
        patch.setattr(runtime.database, "write", lambda: opened.append("many") or of_many())
        answer = sending.phone.request("POST", "/sync/packages/push", content=json.dumps(rows).encode())
    assert [one["receipt"] for one in answer.json()] == [True] * 3
    assert opened == ["once"]


def test_a_unit_that_writes_once_writes_nothing_after_that(world: World, runtime: Runtime) -> None:
    told = {"kind": "probe", "object_id": new_id(), "version": 1, "region_id": None}

    async def write_twice(_: AsyncSession) -> None:
        async with runtime.database.write_once() as session:
            await insert_rows(session, (Change, [told]))
            await insert_rows(session, (Change, [told]))

    async def write_and_ask(_: AsyncSession) -> None:
        async with runtime.database.write_once() as session:
            await insert_rows(session, (Change, [told]))
            await session.execute(insert(Change).values(told))

    async def write_later(_: AsyncSession) -> None:
        async with runtime.database.write_once() as session:
            session.add(Change(**told))

    async def write_otherwise(_: AsyncSession) -> None:
        async with runtime.database.write_once() as session:
            await session.scalar(insert(Change).values(told).returning(Change.id))

    for work in (write_twice, write_and_ask, write_later, write_otherwise):
        with pytest.raises(RuntimeError, match="writes once"):
            world.in_database(work)

    async def kept(session: AsyncSession) -> Any:
        wanted = text("SELECT count(*) FROM changes WHERE object_id = :id")
        return (await session.execute(wanted, {"id": told["object_id"]})).scalar_one()

    assert world.in_database(kept) == 2, "the first of each of the first two, and nothing else"


def test_rows_of_one_statement_are_of_one_moment_unless_they_say_another(world: World) -> None:
    told = {"kind": "probe", "object_id": new_id(), "version": 1, "region_id": None}
    earlier = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)

    async def write(session: AsyncSession) -> list[tuple[int, datetime]]:
        rows = [told, told | {"version": 2}, told | {"version": 3, "at": earlier}]
        await insert_rows(session, (Change, rows))
        wanted = text("SELECT version, at FROM changes WHERE object_id = :id ORDER BY version")
        return [(row.version, row.at) for row in await session.execute(wanted, {"id": told["object_id"]})]

    before = utc_now()
    (_, first), (_, second), (_, third) = world.in_database(write)
    assert before <= first == second <= utc_now()
    assert third == earlier


def test_a_statement_that_refuses_itself_leaves_nothing(world: World, runtime: Runtime) -> None:
    told = {"kind": "probe", "object_id": new_id(), "version": 1, "region_id": None}

    async def refuse(_: AsyncSession) -> None:
        async with runtime.database.write_once() as session:
            await insert_rows(session, (Change, [told]), answer="refuse_unless(1 = 2)")

    with pytest.raises(DBAPIError) as caught:
        world.in_database(refuse)
    assert getattr(caught.value.orig, "sqlstate", None) == "40001"

    async def kept(session: AsyncSession) -> Any:
        wanted = text("SELECT count(*) FROM changes WHERE object_id = :id")
        return (await session.execute(wanted, {"id": told["object_id"]})).scalar_one()

    assert world.in_database(kept) == 0
