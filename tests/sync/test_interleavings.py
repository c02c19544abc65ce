"""Whatever writers do to whatever collection, in any order of commits, a phone ends with what a new phone would get."""

import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.enums.sync import SyncCollection
from app.jobs.relay import assign_positions
from app.models.identity import RoleGrant, User
from app.services.identity.acting import find_actor_of_user
from app.services.runtime import Runtime
from app.services.sync.collections import COLLECTIONS
from app.services.sync.service import Pulled, pull
from tests.factories.world import LONG_AGO, World
from tests.sync.writers import WRITERS, Ground, Row, Write

InDatabase = Callable[..., Any]

OFTEN = {
    "make": 3, "change": 8, "remove": 2, "begin": 2, "commit": 2, "relay": 4, "page": 8, "grant": 1, "ungrant": 1, "transfer": 1,
}  # fmt: skip
ACTS = tuple(act for act, times in OFTEN.items() for _ in range(times))
NAMES = tuple(one.name for one in COLLECTIONS.values())
Steps = list[tuple[str, SyncCollection, int]]


def steps_of(names: list[SyncCollection]) -> st.SearchStrategy[Steps]:
    """Much with a few collections: what goes wrong between two of them is met sooner than among all at once."""
    step = st.tuples(st.sampled_from(ACTS), st.sampled_from(names), st.integers(0, 10_000))
    return st.lists(step, min_size=20, max_size=60)


STEPS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True).flatmap(steps_of)
PAGES = dict.fromkeys(NAMES, 2) | {SyncCollection.CHECKLISTS: 10}
"""Documents of a page: few, so that much happens between two. Checklists are everybody's, so there are those of other tests."""
WHOLE = 50


@dataclass
class Unit:
    """A unit of work left open, and the rows it has written."""

    manager: AbstractAsyncContextManager[AsyncSession]
    session: AsyncSession
    touched: set[UUID] = field(default_factory=set)


class Interleaving:
    """Random writers, some of whom take their time, a relay that works in small batches, and one phone that pulls on."""

    def __init__(self, world: World) -> None:
        self.world, self.runtime, self.ground = world, world.runtime, Ground(world)
        self.copies: dict[SyncCollection, dict[UUID, dict[str, Any]]] = {name: {} for name in NAMES}
        self.cursors: dict[SyncCollection, str | None] = dict.fromkeys(NAMES)
        self.open: list[Unit] = []

    async def play(self, steps: Steps) -> None:
        """Take every step, bring everything to rest, and compare the phone with a new one."""
        try:
            for name in NAMES:
                for number in range(3):
                    await self.make(name, number)
            for act, name, number in steps:
                await getattr(self, act)(name, number)
        finally:
            while self.open:
                await self.commit(NAMES[0], 0)
        await self.grant(NAMES[0], 0)
        await self.rest()

    async def rest(self) -> None:
        """Pull until nothing is left; the phone then holds what a new one would."""
        async with self.runtime.database.write() as session:
            await assign_positions(session, 1_000_000)
        for name in NAMES:
            while await self._page(name, PAGES[name]):
                pass
            assert self.copies[name] == await self._fresh(name), name

    async def make(self, name: SyncCollection, number: int) -> None:
        row = Row(self.ground.regions[number % 3])
        await self._write(WRITERS[name].make, row, number)
        self.ground.rows[name].append(row)

    async def change(self, name: SyncCollection, number: int) -> None:
        rows, changes = self.ground.rows[name], WRITERS[name].changes
        await self._write(changes[number // 7 % len(changes)], rows[number % len(rows)], number)

    async def remove(self, name: SyncCollection, number: int) -> None:
        rows, remove = self.ground.rows[name], WRITERS[name].remove
        if remove is not None:
            await self._write(remove, rows[number % len(rows)], number)

    async def _write(self, work: Write, row: Row, number: int) -> None:
        """In a unit of its own, or in one that is left open; never wait for a row that an open one holds."""
        unit = next((one for one in self.open if row.id in one.touched), None)
        if unit is None and self.open and number % 2:
            unit = self.open[number % len(self.open)]
        if unit is not None:
            unit.touched.add(row.id)
            self.ground.held.add(row.id)
            await work(self.ground, unit.session, row, number)
            return
        async with self.runtime.database.write() as session:
            await work(self.ground, session, row, number)

    async def begin(self, _: SyncCollection, __: int) -> None:
        if len(self.open) < 2:
            manager = self.runtime.database.write()
            self.open.append(Unit(manager, await manager.__aenter__()))

    async def commit(self, _: SyncCollection, number: int) -> None:
        if self.open:
            unit = self.open.pop(number % len(self.open))
            await unit.manager.__aexit__(None, None, None)
            self.ground.held -= unit.touched

    async def relay(self, _: SyncCollection, number: int) -> None:
        async with self.runtime.database.write() as session:
            await assign_positions(session, 1 + number % 8)

    async def page(self, name: SyncCollection, _: int) -> None:
        await self._page(name, PAGES[name])

    async def _page(self, name: SyncCollection, size: int) -> bool:
        """Take in one page; True when there was something in it."""
        pulled = await self._pull(name, self.cursors[name], size)
        self.cursors[name] = pulled.cursor
        apply(self.copies[name], pulled.documents)
        return bool(pulled.documents) or pulled.has_more

    async def _pull(self, name: SyncCollection, cursor: str | None, limit: int) -> Pulled:
        async with self.runtime.database.read() as session:
            actor = await find_actor_of_user(session, self.ground.officer)
        assert actor is not None
        return await pull(self.runtime, actor, name, cursor, limit)

    async def _fresh(self, name: SyncCollection) -> dict[UUID, dict[str, Any]]:
        copy: dict[UUID, dict[str, Any]] = {}
        cursor, has_more = None, True
        while has_more:
            pulled = await self._pull(name, cursor, WHOLE)
            cursor, has_more = pulled.cursor, pulled.has_more
            apply(copy, pulled.documents)
        return copy

    async def grant(self, name: SyncCollection, number: int) -> None:
        """One region more, or all of the city."""
        await self.ungrant(name, number)
        region = [*self.ground.regions, self.world.city][number % 4]
        async with self.runtime.database.write() as session:
            session.add(
                RoleGrant(user_id=self.ground.officer, role="inspector", region_id=region, starts_on=LONG_AGO)
            )

    async def ungrant(self, _: SyncCollection, number: int) -> None:
        region = [*self.ground.regions, self.world.city][number % 4]
        same = (RoleGrant.user_id == self.ground.officer, RoleGrant.region_id == region)
        async with self.runtime.database.write() as session:
            await session.execute(delete(RoleGrant).where(*same))

    async def transfer(self, _: SyncCollection, number: int) -> None:
        """The phone's own officer to the other authority, and back."""
        officer = Row(self.ground.regions[0], self.ground.officer)
        async with self.runtime.database.write() as session:
            row = update(User).where(User.id == officer.id)
            await session.execute(row.values(authority_id=self.ground.authorities[number % 2]))
            await self.ground.tell(session, "user", officer.id, officer)

    async def one_by_one(self) -> None:
        """Every writer once, each seen by the phone before the next; an idle one would prove nothing."""
        await self.grant(NAMES[0], 3)
        for name in WRITERS:
            await self._seen(self.make, name, 0)
        for name, writers in WRITERS.items():
            for which in range(len(writers.changes)):
                await self._seen(self.change, name, 7 * which)
        for name in reversed(WRITERS):
            if WRITERS[name].remove is not None:
                held = set(self.copies[name])
                await self._seen(self.remove, name, 0)
                assert held > set(self.copies[name]), name

    async def _seen(
        self, act: Callable[[SyncCollection, int], Awaitable[None]], name: SyncCollection, number: int
    ) -> None:
        """Done with two rows, an even number's and an odd one's."""
        before = dict(self.copies[name])
        await act(name, number)
        await act(name, number + 1)
        await self.rest()
        assert self.copies[name] != before, (act, name, number)


def apply(copy: dict[UUID, dict[str, Any]], documents: Sequence[dict[str, Any]]) -> None:
    for one in documents:
        if one["_deleted"]:
            copy.pop(one["id"], None)
        else:
            copy[one["id"]] = one


def test_every_collection_has_its_writers_and_every_change_it_listens_for_is_told(
    world: World, client: TestClient
) -> None:
    """So that a new collection, or a new source of an old one, does not go by the test below."""
    assert set(WRITERS) == set(NAMES)
    assert client.portal is not None
    played = Interleaving(world)
    client.portal.call(played.one_by_one)
    assert played.ground.told == frozenset().union(*(one.kinds for one in COLLECTIONS.values()))


@settings(max_examples=int(os.environ.get("ANSHAO_TEST_INTERLEAVINGS", "40")))
@given(steps=STEPS)
def test_in_any_order_of_events_a_phone_ends_with_what_a_new_phone_would_get(
    steps: Steps, client: TestClient, runtime: Runtime, in_database: InDatabase
) -> None:
    assert client.portal is not None
    client.portal.call(Interleaving(World(client, runtime, in_database)).play, steps)
