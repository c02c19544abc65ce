"""The change feed's promises: every committed change gets one position, in order, without gaps, however late it commits."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.jobs.relay import assign_positions, feed_state, keep_epoch, renew_epoch
from app.models.history import Change
from app.services.runtime import Runtime

InDatabase = Callable[..., Any]


async def add_change(session: AsyncSession, object_id: UUID) -> None:
    await session.execute(insert(Change).values(kind="test", object_id=object_id, version=1))


async def positions(session: AsyncSession, *object_ids: UUID) -> list[int | None]:
    rows = await session.execute(
        select(Change.object_id, Change.position).where(Change.object_id.in_(object_ids))
    )
    found = {row.object_id: row.position for row in rows}
    return [found[object_id] for object_id in object_ids]


@pytest.fixture(autouse=True)
def nothing_waits(in_database: InDatabase) -> None:
    """Other tests' changes have their positions already."""
    in_database(lambda session: assign_positions(session, 1_000_000))
    return


def test_positions_follow_one_another_without_gaps(in_database: InDatabase) -> None:
    ids = [new_id() for _ in range(5)]

    async def story(session: AsyncSession) -> tuple[int, int, list[int | None], int]:
        before = (await feed_state(session)).last_position
        for object_id in ids:
            await add_change(session, object_id)
        given = await assign_positions(session)
        return before, given, await positions(session, *ids), (await feed_state(session)).last_position

    before, given, found, after = in_database(story)
    assert given == 5
    assert found == [before + step for step in range(1, 6)]
    assert after == before + 5


def test_a_batch_ends_where_told_and_the_next_goes_on(in_database: InDatabase) -> None:
    ids = [new_id() for _ in range(3)]

    async def story(session: AsyncSession) -> tuple[list[int], list[int | None]]:
        for object_id in ids:
            await add_change(session, object_id)
        counts = [await assign_positions(session, 2) for _ in range(3)]
        return counts, await positions(session, *ids)

    counts, found = in_database(story)
    assert counts == [2, 1, 0]
    assert found == sorted(p for p in found if p is not None)


def test_a_change_that_commits_late_gets_a_later_position_and_is_never_skipped(
    client: TestClient, runtime: Runtime
) -> None:
    slow, quick = new_id(), new_id()

    async def story() -> tuple[list[int | None], list[int | None], int]:
        async with runtime.database.write() as late:
            await add_change(late, slow)  # takes the smaller id, and stays open
            async with runtime.database.write() as early:
                await add_change(early, quick)
            async with runtime.database.write() as relay:
                await assign_positions(relay)
            async with runtime.database.read() as reader:
                between = await positions(reader, quick)
                seen = (await feed_state(reader)).last_position
        async with runtime.database.write() as relay:
            await assign_positions(relay)
        async with runtime.database.read() as reader:
            return between, await positions(reader, quick, slow), seen

    assert client.portal is not None
    between, (quick_position, slow_position), seen = client.portal.call(story)
    assert between == [seen]
    assert quick_position == seen
    assert slow_position == seen + 1


def test_a_change_that_rolls_back_leaves_no_gap(client: TestClient, runtime: Runtime) -> None:
    undone, first, second = new_id(), new_id(), new_id()

    async def story() -> list[int | None]:
        async with runtime.database.write() as session:
            await add_change(session, first)
        with suppress(LookupError):
            async with runtime.database.write() as session:
                await add_change(session, undone)
                raise LookupError
        async with runtime.database.write() as session:
            await add_change(session, second)
        async with runtime.database.write() as relay:
            await assign_positions(relay)
        async with runtime.database.read() as reader:
            return await positions(reader, first, second)

    assert client.portal is not None
    one, two = client.portal.call(story)
    assert one is not None
    assert two == one + 1


def test_only_one_relay_works_at_a_time(client: TestClient, runtime: Runtime) -> None:
    async def story() -> tuple[int, int]:
        async with runtime.database.write() as session:
            await add_change(session, new_id())
        async with runtime.database.write() as first, runtime.database.write() as second:
            return await assign_positions(first), await assign_positions(second)

    assert client.portal is not None
    assert client.portal.call(story) == (1, 0)


def test_writers_and_relays_racing_lose_nothing_and_repeat_nothing(
    client: TestClient, runtime: Runtime
) -> None:
    ids = [new_id() for _ in range(60)]
    done = asyncio.Event()

    async def write(some: list[UUID]) -> None:
        for object_id in some:
            async with runtime.database.write() as session:
                await add_change(session, object_id)
                await asyncio.sleep(0)

    async def relay() -> None:
        while not done.is_set():
            async with runtime.database.write() as session:
                await assign_positions(session, 7)

    async def story() -> tuple[int, list[int | None]]:
        async with runtime.database.read() as session:
            before = (await feed_state(session)).last_position
        relays = asyncio.gather(relay(), relay())
        await asyncio.gather(*(write(ids[part::3]) for part in range(3)))
        done.set()
        await relays
        async with runtime.database.write() as session:
            await assign_positions(session)
        async with runtime.database.read() as session:
            return before, await positions(session, *ids)

    assert client.portal is not None
    before, found = client.portal.call(story)
    assert sorted(p for p in found if p is not None) == list(range(before + 1, before + 61))


SERVER = text("SELECT server FROM change_feed")


def test_the_epoch_stays_on_the_same_database_and_changes_on_another(in_database: InDatabase) -> None:
    async def story(session: AsyncSession) -> list[UUID]:
        await keep_epoch(session)
        epochs = [(await feed_state(session)).epoch]
        assert not await keep_epoch(session)
        epochs.append((await feed_state(session)).epoch)
        await session.execute(text("UPDATE change_feed SET server = 'restored from elsewhere'"))
        assert await keep_epoch(session)
        epochs.append((await feed_state(session)).epoch)
        await renew_epoch(session)
        epochs.append((await feed_state(session)).epoch)
        return epochs

    one, same, restored, renewed = in_database(story)
    assert one == same
    assert len({same, restored, renewed}) == 3


@pytest.mark.parametrize(
    ("known", "is_new"),
    [
        ("{whole}", False),
        ("{whole}/1", False),
        ("{server}", False),
        ("{server}/1", True),
        ("{server}1", True),
        ("1{whole}", True),
        (None, True),
    ],
)
def test_a_role_that_sees_less_of_the_server_than_another_begins_no_epoch(
    in_database: InDatabase, known: str | None, is_new: bool
) -> None:
    """Only some may look at the time of the server's files; what either does not see is not compared, nor forgotten."""

    async def story(session: AsyncSession) -> tuple[bool, bool, str | None, str, str | None]:
        await renew_epoch(session)
        whole = str(await session.scalar(SERVER))
        stored = known and known.format(whole=whole, server=whole.rpartition("/")[0])
        await session.execute(text("UPDATE change_feed SET server = :stored"), {"stored": stored})
        before = (await feed_state(session)).epoch
        is_begun = await keep_epoch(session)
        is_other = (await feed_state(session)).epoch != before
        return is_begun, is_other, stored, whole, await session.scalar(SERVER)

    is_begun, is_other, stored, whole, kept = in_database(story)
    assert whole.count("/") == 4, "the embedded server's role may look"
    assert is_begun == is_other == is_new
    assert kept == (stored if stored and stored.startswith(whole) else whole)
