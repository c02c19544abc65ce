"""No row is skipped or stalled, however late a transaction commits, and a phone's copy is what a new phone would get."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import shanghai_today, standing_at, utc_now
from app.core.ids import new_id
from app.enums.sync import SyncCollection
from app.jobs.relay import assign_positions, feed_state, renew_epoch
from app.models.enterprises import Enterprise, Site
from app.models.identity import RoleGrant
from app.models.inspections import Assignment, AssignmentMember
from app.services.audit.service import record_act
from app.services.identity.acting import find_actor_of_user
from app.services.runtime import Runtime
from app.services.sync.service import Pulled, pull
from tests.factories.field import Field
from tests.factories.replica import relay
from tests.factories.world import LONG_AGO, World
from tests.sync.test_pull import Team

InDatabase = Callable[..., Any]


@pytest.fixture
def team(world: World) -> Team:
    return Team(world)


class Held:
    """A unit of work left open: `do` works in it, `commit` ends it."""

    def __init__(self, client: TestClient, runtime: Runtime) -> None:
        assert client.portal is not None
        self._portal = client.portal
        self._unit = runtime.database.write()
        self._session: AsyncSession = self._portal.call(self._unit.__aenter__)
        self.touched: set[UUID] = set()

    def do(self, work: Callable[[AsyncSession], Any]) -> Any:
        return self._portal.call(work, self._session)

    def commit(self) -> None:
        self._portal.call(self._unit.__aexit__, None, None, None)


@contextmanager
def open_in_another_database(cluster: str) -> Iterator[None]:
    """A transaction with an id of its own, open in another database of the same server."""
    with psycopg.connect(cluster) as connection:
        assert connection.info.dbname == "postgres"
        connection.execute("SELECT pg_current_xact_id()")
        yield


async def register(session: AsyncSession, identifier: UUID, region: UUID) -> None:
    """What registering an enterprise writes."""
    session.add(
        Enterprise(id=identifier, substitute_mark=f"M{identifier.hex}", name="企业", region_id=region, regulated_trades=[])
    )  # fmt: skip
    await session.flush()
    await told(session, "enterprise", identifier, 1, region)


async def told(
    session: AsyncSession,
    kind: str,
    identifier: UUID,
    version: int,
    region: UUID,
    previous: UUID | None = None,
) -> None:
    await record_act(
        session, SYSTEM, action="tests:act", kind=kind, object_id=identifier, version=version, region_id=region,
        previous_region_id=previous if previous != region else None,
    )  # fmt: skip


def test_what_commits_late_is_pulled_late_and_nothing_waits_for_it(
    team: Team, world: World, client: TestClient, runtime: Runtime, database_cluster: str
) -> None:
    team.replica.pull("enterprises")
    slow, slower, quick = new_id(), new_id(), new_id()
    with open_in_another_database(database_cluster):
        first, second = Held(client, runtime), Held(client, runtime)
        first.do(lambda session: register(session, slow, world.town))
        second.do(lambda session: register(session, slower, world.town))
        world.in_database(lambda session: register(session, quick, world.town))
        assert [one["id"] for one in team.replica.pull("enterprises")] == [str(quick)]
        second.commit()
        assert [one["id"] for one in team.replica.pull("enterprises")] == [str(slower)]
        first.commit()
        assert [one["id"] for one in team.replica.pull("enterprises")] == [str(slow)]


def test_what_commits_during_the_first_pull_is_not_left_out_whatever_its_id(
    world: World, client: TestClient, runtime: Runtime
) -> None:
    """Its id lies before those that were pulled already."""
    team = Team(world, limit=1)
    early = new_id(at_ms=1_600_000_000_000)
    held = Held(client, runtime)
    held.do(lambda session: register(session, early, world.town))
    relay(world)
    body = team.replica.page("enterprises").json()
    team.replica.take("enterprises", body["documents"], body["checkpoint"]["cursor"])
    held.commit()
    team.replica.pull("enterprises")
    assert team.replica.held("enterprises") == {team.home.enterprise_id, early}


def test_a_row_that_leaves_by_way_of_a_region_just_lost_leaves_the_phone(world: World) -> None:
    """The scope changes, and before its rows are gone through one has moved on, which the feed tells only afterwards."""
    team = Team(world, world.district)
    wanderer = new_id()
    world.in_database(lambda session: register(session, wanderer, world.town))
    team.replica.pull("enterprises")
    assert wanderer in team.replica.held("enterprises")

    async def transfer(session: AsyncSession) -> None:
        row = update(RoleGrant).where(RoleGrant.user_id == team.officers[0].user_id)
        await session.execute(row.values(region_id=world.other_district))

    async def move(session: AsyncSession) -> None:
        row = update(Enterprise).where(Enterprise.id == wanderer)
        await session.execute(row.values(region_id=world.city, version=2))
        await told(session, "enterprise", wanderer, 2, world.city, world.town)

    world.in_database(transfer)
    world.in_database(move)
    body = team.replica.page("enterprises").json()  # the move has no position yet
    team.replica.take("enterprises", body["documents"], body["checkpoint"]["cursor"])
    team.replica.pull("enterprises")
    assert team.replica.held("enterprises") == set()


def test_a_restore_begins_a_new_epoch_and_the_phone_pulls_anew(team: Team, in_database: InDatabase) -> None:
    team.replica.pull("enterprises")
    in_database(renew_epoch)
    answer = team.replica.page("enterprises")
    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (
        410,
        "resync_required",
        "now",
    )
    del team.replica.cursors["enterprises"]
    assert [one["id"] for one in team.replica.pull("enterprises")] == [str(team.home.enterprise_id)]


def test_a_cursor_from_beyond_the_feeds_end_is_of_another_past(team: Team, in_database: InDatabase) -> None:
    team.replica.pull("enterprises")

    async def cut(session: AsyncSession) -> int:
        last = (await feed_state(session)).last_position
        await session.execute(text("UPDATE change_feed SET last_position = last_position - 1"))
        return last

    async def mend(session: AsyncSession) -> None:
        await session.execute(text("UPDATE change_feed SET last_position = last_position + 1"))

    in_database(cut)
    try:
        assert team.replica.page("enterprises").status_code == 410
    finally:
        in_database(mend)


def test_an_assignment_is_forgotten_the_day_after_its_last(team: Team, world: World) -> None:
    foreign = Field(world, region=world.other_town)
    today = shanghai_today().isoformat()
    team.assign(foreign, planned_until=today)
    team.assign(team.home, planned_until=today)
    names = ("assignments", "sites", "enterprises")
    for name in names:
        team.replica.pull(name)
    with standing_at(utc_now() + timedelta(days=1)):
        assert team.phone.device_id is not None
        team.phone.access_token = world.logged_in(team.officers[0].user_id, team.phone.device_id).token
        told_of = {name: {one["id"]: one for one in team.replica.pull(name)} for name in names}
        again = [one for name in names for one in team.replica.pull(name)]
    assert all(one["_deleted"] for one in told_of["assignments"].values())
    assert told_of["sites"][str(foreign.site_id)]["_deleted"]
    assert told_of["sites"][str(team.home.site_id)]["detail"] == "stub"
    assert told_of["enterprises"][str(foreign.enterprise_id)]["_deleted"]
    assert again == []


ACTS = (
    "register", "move", "move", "switch", "begin", "commit", "relay", "relay", "page", "page", "page", "grant", "ungrant",
    "assign", "cancel",
)  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 10_000)), min_size=20, max_size=60)
NAMES = (SyncCollection.ENTERPRISES, SyncCollection.SITES)


@dataclass
class Unit:
    """A unit of work left open, and the rows it has written."""

    manager: AbstractAsyncContextManager[AsyncSession]
    session: AsyncSession
    touched: set[UUID] = field(default_factory=set)


@dataclass
class Place:
    """Where an enterprise and its site lie, as their last writer left them."""

    region: UUID
    site: UUID
    version: int = 1
    is_active: bool = True


class Interleaving:
    """Random writers, some of whom take their time, a relay that works in small batches, and one phone that pulls on."""

    def __init__(self, world: World) -> None:
        self.world, self.runtime = world, world.runtime
        self.regions = [world.town, world.other_town, world.other_district]
        self.officer = world.person("inspector", region=world.town).user_id
        self.copies: dict[SyncCollection, dict[UUID, dict[str, Any]]] = {name: {} for name in NAMES}
        self.cursors: dict[SyncCollection, str | None] = dict.fromkeys(NAMES)
        self.places: dict[UUID, Place] = {}
        self.assigned: dict[UUID, UUID] = {}
        self.open: list[Unit] = []

    async def play(self, steps: list[tuple[str, int]]) -> None:
        """Take every step, bring everything to rest, and compare the phone with a new one."""
        try:
            for number in range(4):
                await self.register(number)
            for name, number in steps:
                await getattr(self, name)(number)
        finally:
            while self.open:
                await self.commit(0)
        await self.grant(0)
        async with self.runtime.database.write() as session:
            await assign_positions(session, 1_000_000)
        for name in NAMES:
            while await self._page(name):
                pass
            assert self.copies[name] == await self._fresh(name)

    async def _write(self, number: int, row: UUID, work: Callable[[AsyncSession], Any]) -> None:
        """In a unit of its own, or in one that is left open; never wait for a row that an open one holds."""
        unit = next((one for one in self.open if row in one.touched), None)
        if unit is None and self.open and number % 2:
            unit = self.open[number % len(self.open)]
        if unit is not None:
            unit.touched.add(row)
            await work(unit.session)
            return
        async with self.runtime.database.write() as session:
            await work(session)

    async def register(self, number: int) -> None:
        identifier, place = new_id(), Place(self.regions[number % 3], new_id())

        async def work(session: AsyncSession) -> None:
            await register(session, identifier, place.region)
            session.add(Site(id=place.site, enterprise_id=identifier, region_id=place.region, name="厂区"))
            await session.flush()
            await told(session, "site", place.site, 1, place.region)

        await self._write(number, identifier, work)
        self.places[identifier] = place

    def _chosen(self, number: int) -> tuple[UUID, Place]:
        return list(self.places.items())[number % len(self.places)]

    async def move(self, number: int) -> None:
        """Enterprise and site together to another region."""
        identifier, place = self._chosen(number)
        before, after = place.region, self.regions[(number // 7) % 3]
        place.version += 1

        async def work(session: AsyncSession) -> None:
            for model, kind, one in ((Enterprise, "enterprise", identifier), (Site, "site", place.site)):
                row = update(model).where(model.id == one)
                await session.execute(row.values(region_id=after, version=place.version))
                await told(session, kind, one, place.version, after, before)

        await self._write(number, identifier, work)
        place.region = after

    async def switch(self, number: int) -> None:
        """Out of use, or in use again."""
        identifier, place = self._chosen(number)
        place.version, place.is_active = place.version + 1, not place.is_active

        async def work(session: AsyncSession) -> None:
            row = update(Enterprise).where(Enterprise.id == identifier)
            await session.execute(row.values(is_active=place.is_active, version=place.version))
            await told(session, "enterprise", identifier, place.version, place.region)

        await self._write(number, identifier, work)

    async def begin(self, _: int) -> None:
        if len(self.open) < 2:
            manager = self.runtime.database.write()
            self.open.append(Unit(manager, await manager.__aenter__()))

    async def commit(self, number: int) -> None:
        if self.open:
            await self.open.pop(number % len(self.open)).manager.__aexit__(None, None, None)

    async def relay(self, number: int) -> None:
        async with self.runtime.database.write() as session:
            await assign_positions(session, 1 + number % 8)

    async def page(self, number: int) -> None:
        await self._page(NAMES[number % 2])

    async def _page(self, name: SyncCollection) -> bool:
        """Take in one page of two documents; True when there was something in it."""
        pulled = await self._pull(name, self.cursors[name], 2)
        self.cursors[name] = pulled.cursor
        apply(self.copies[name], pulled.documents)
        return bool(pulled.documents) or pulled.has_more

    async def _pull(self, name: SyncCollection, cursor: str | None, limit: int) -> Pulled:
        async with self.runtime.database.read() as session:
            actor = await find_actor_of_user(session, self.officer)
        assert actor is not None
        return await pull(self.runtime, actor, name, cursor, limit)

    async def _fresh(self, name: SyncCollection) -> dict[UUID, dict[str, Any]]:
        copy: dict[UUID, dict[str, Any]] = {}
        apply(copy, (await self._pull(name, None, 1_000)).documents)
        return copy

    async def grant(self, number: int) -> None:
        """One region more, or all of the city."""
        await self.ungrant(number)
        region = [*self.regions, self.world.city][number % 4]
        async with self.runtime.database.write() as session:
            session.add(
                RoleGrant(user_id=self.officer, role="inspector", region_id=region, starts_on=LONG_AGO)
            )

    async def ungrant(self, number: int) -> None:
        region = [*self.regions, self.world.city][number % 4]
        same = (RoleGrant.user_id == self.officer, RoleGrant.region_id == region)
        async with self.runtime.database.write() as session:
            await session.execute(delete(RoleGrant).where(*same))

    async def assign(self, number: int) -> None:
        """To the site of an enterprise that no open transaction holds."""
        identifier, place = self._chosen(number)
        if any(identifier in one.touched for one in self.open):
            return
        today, made = shanghai_today(), new_id()

        async def work(session: AsyncSession) -> None:
            session.add(
                Assignment(
                    id=made, authority_id=self.world.authority, enterprise_id=identifier, site_id=place.site,
                    region_id=place.region, kind="inspection", planned_from=today, planned_until=today,
                    template_version_ids=[], hazard_ids=[], created_by=self.officer,
                )
            )  # fmt: skip
            await session.flush()
            session.add(AssignmentMember(assignment_id=made, user_id=self.officer))
            await told(session, "assignment", made, 1, place.region)

        await self._write(number, made, work)
        self.assigned[made] = place.region

    async def cancel(self, number: int) -> None:
        if not self.assigned:
            return
        made = list(self.assigned)[number % len(self.assigned)]
        region = self.assigned.pop(made)

        async def work(session: AsyncSession) -> None:
            await session.execute(
                update(Assignment).where(Assignment.id == made).values(status="cancelled", version=2)
            )
            await told(session, "assignment", made, 2, region)

        await self._write(number, made, work)


def apply(copy: dict[UUID, dict[str, Any]], documents: Sequence[dict[str, Any]]) -> None:
    for one in documents:
        if one["_deleted"]:
            copy.pop(one["id"], None)
        else:
            copy[one["id"]] = one


@settings(
    max_examples=int(os.environ.get("ANSHAO_TEST_INTERLEAVINGS", "40")),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(steps=STEPS)
def test_in_any_order_of_events_a_phone_ends_with_what_a_new_phone_would_get(
    steps: list[tuple[str, int]], client: TestClient, runtime: Runtime, in_database: InDatabase
) -> None:
    assert client.portal is not None
    client.portal.call(Interleaving(World(client, runtime, in_database)).play, steps)
