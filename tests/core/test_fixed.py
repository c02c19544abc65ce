"""Statements that go to the driver as they are: the same values, rows and errors as SQLAlchemy's own execution."""

from datetime import date
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Uuid, bindparam, literal, make_url, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.core.ids import new_id
from app.db.engine import make_engine, psycopg_url
from app.db.fixed import Fixed
from app.db.session import Database
from app.enums.inspections import PackageKind
from app.models.identity import User
from tests.factories.world import World

VALUES = Fixed(
    text(
        "SELECT :id AS id, CAST(:ids AS uuid[]) AS ids, CAST(:day AS date) AS day, CAST(:bytes AS bytea) AS bytes, "
        "CAST(:given AS jsonb) AS given, CAST(:kind AS text) AS kind, CAST(:nothing AS text) AS nothing, "
        "'50% \\: it''s' AS constant, CAST(:day AS date) + 1 AS next_day"
    ).bindparams(bindparam("given", type_=JSONB), bindparam("id", type_=Uuid))
)


def run(world: World, statement: Fixed, values: dict[str, Any]) -> Any:
    async def work(session: AsyncSession) -> Any:
        return await statement.all(session, values)

    return world.in_database(work)


def test_values_come_back_as_they_went(world: World) -> None:
    one, two = new_id(), new_id()
    given = {"数": [1, None, {"id": str(one)}], "x": "y:z"}
    values = {
        "id": one, "ids": [one, two], "day": date(2024, 2, 29), "bytes": b"\x00\xff", "given": given,
        "kind": PackageKind.PATROL, "nothing": None,
    }  # fmt: skip
    (row,) = run(world, VALUES, values)
    assert (row.id, row.ids, row.day, row.bytes) == (one, [one, two], date(2024, 2, 29), b"\x00\xff")
    assert (row.given, row.kind, row.nothing) == (given, "patrol", None)
    assert (row.constant, row.next_day) == ("50% : it's", date(2024, 3, 1))
    assert isinstance(row.id, UUID)


def test_a_statements_own_values_travel_with_it(world: World) -> None:
    own = Fixed(select(literal("own").label("own"), bindparam("given", type_=JSONB).label("given")))
    wanted = Fixed(select(User.id).where(User.name.in_(["nobody", "no one"]), User.id == bindparam("id")))
    (row,) = run(world, own, {"given": [1]})
    assert (row.own, row.given) == ("own", [1])
    assert run(world, wanted, {"id": new_id()}) == []


def test_what_waits_in_the_session_is_written_first(world: World) -> None:
    person = world.person("inspector")

    async def work(session: AsyncSession) -> Any:
        user = await session.get_one(User, person.user_id)
        user.name = "改名"
        return await Fixed(select(User.name).where(User.id == bindparam("id"))).all(session, {"id": user.id})

    assert world.in_database(work)[0].name == "改名"


def test_errors_are_those_of_sqlalchemy_and_show_no_values(world: World) -> None:
    taken = Fixed(text("INSERT INTO feed_probe SELECT 1"))
    with pytest.raises(DBAPIError) as unknown:
        run(world, taken, {})
    assert getattr(unknown.value.orig, "sqlstate", None) == "42P01"
    chain = Fixed(text("INSERT INTO receipt_chains (device_id, number, sha256) VALUES (:id, 1, :secret)"))
    with pytest.raises(IntegrityError) as refused:
        run(world, chain, {"id": new_id(), "secret": "a private word"})
    assert "a private word" not in str(refused.value).replace(str(refused.value.orig), "")


def test_when_one_connection_is_lost_none_as_old_is_trusted(world: World, database_address: str) -> None:
    asked = Fixed(text("SELECT pg_backend_pid() AS pid"))

    async def refusal(connection: AsyncConnection) -> Exception | None:
        try:
            await asked.all(connection, {})
        except SQLAlchemyError as error:
            return error
        return None

    async def lose(_: AsyncSession) -> tuple[Exception | None, Exception | None, int]:
        database = Database(make_engine(psycopg_url(database_address), pool_size=2, overflow=0))
        async with database.single_statement() as one, database.single_statement() as two:
            pids = [(await asked.all(connection, {}))[0].pid for connection in (one, two)]
        with psycopg.connect(database_address, autocommit=True) as other:
            for pid in pids:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        async with database.single_statement() as connection:
            lost, used_again = await refusal(connection), await refusal(connection)
        async with database.single_statement() as one, database.single_statement() as two:
            fresh = {(await asked.all(connection, {}))[0].pid for connection in (one, two)}
        await database.close()
        return lost, used_again, len(fresh)

    lost, used_again, fresh = world.in_database(lose)
    assert isinstance(lost, DBAPIError)
    assert lost.connection_invalidated
    assert getattr(lost.orig, "sqlstate", None) == "57P01"
    assert isinstance(used_again, PendingRollbackError)
    assert fresh == 2


def test_bytes_are_kept_as_they_are_whatever_the_database_says_of_backslashes(
    world: World, database_address: str
) -> None:
    kept = Fixed(text("SELECT unnest(CAST(:bytes AS bytea[])) AS bytes"))
    given = b"\\x00\x00\xff'"

    async def keep(_: AsyncSession) -> Any:
        engine = make_engine(psycopg_url(database_address), pool_size=1, overflow=0)
        try:
            async with engine.connect() as connection:
                return (await kept.all(connection, {"bytes": [given]}))[0].bytes
        finally:
            await engine.dispose()

    name = make_url(database_address).database
    with psycopg.connect(database_address, autocommit=True) as other:
        other.execute(f"ALTER DATABASE {name} SET standard_conforming_strings = off")
        try:
            assert world.in_database(keep) == given
        finally:
            other.execute(f"ALTER DATABASE {name} RESET standard_conforming_strings")
