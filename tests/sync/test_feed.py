"""No row is skipped or stalled, however late a transaction commits, and a phone's copy is what a new phone would get."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import shanghai_today, standing_at, utc_now
from app.core.ids import new_id
from app.jobs.relay import end_epoch, feed_state, renew_epoch
from app.models.enterprises import Enterprise
from app.models.identity import RoleGrant
from app.services.audit.service import record_act
from app.services.runtime import Runtime
from tests.factories.field import Field
from tests.factories.replica import Replica, relay
from tests.factories.world import World
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


def test_a_cursor_from_beyond_the_feeds_end_is_of_another_past_and_ends_the_epoch_for_everybody(
    team: Team, in_database: InDatabase
) -> None:
    """One phone's cursor proves that a backup was put back; another's looks sound, and may be of what is no more."""
    colleague = Replica(team.world, team.home.phone(team.officers[1].user_id))
    colleague.pull("enterprises")
    team.replica.pull("enterprises")
    before = in_database(feed_state)

    async def cut(session: AsyncSession) -> None:
        await session.execute(text("UPDATE change_feed SET last_position = last_position - 1"))

    async def mend(session: AsyncSession) -> None:
        await session.execute(text("UPDATE change_feed SET last_position = last_position + 1"))

    in_database(cut)
    try:
        assert team.replica.page("enterprises").status_code == 410
    finally:
        in_database(mend)
    assert in_database(feed_state).epoch != before.epoch
    assert colleague.page("enterprises").status_code == 410
    again = in_database(feed_state)
    assert not in_database(lambda session: end_epoch(session, before.epoch, before.last_position + 1))
    assert not in_database(lambda session: end_epoch(session, again.epoch, again.last_position))
    assert in_database(feed_state) == again


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
