"""A cursor fits into an address and a header, however many regions its caller holds; what has grown too long is begun anew."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.ids import new_id
from app.models.identity import RoleGrant
from app.models.organizations import Region
from app.services.runtime import Runtime
from app.services.sync.cursors import (
    LONGEST,
    MOST_ROOTS,
    Cursor,
    Listing,
    encode_cursor,
    open_cursor,
    read_cursor,
)
from app.services.sync.errors import ResyncProblem
from tests.factories.world import LONG_AGO, World
from tests.sync.test_pull import Team, registered
from tests.sync.test_stream import Listen, listen

__all__ = ["listen"]

DAY = date(2026, 11, 26)
SETS = st.frozensets(st.uuids(), max_size=MOST_ROOTS) | st.integers(MOST_ROOTS + 1, 500).map(
    lambda number: frozenset(UUID(int=one) for one in range(number))
)


@given(SETS, SETS, SETS, st.uuids())
def test_no_cursor_is_longer_than_what_is_taken_and_each_says_what_it_was_or_that_it_cannot(
    runtime: Runtime, held: frozenset[UUID], shed: frozenset[UUID], goal: frozenset[UUID], one: UUID
) -> None:
    actor = Actor("user", user_id=one, device_id=one)
    cursor = Cursor(one, 2**62, DAY, one, held, shed, 2**62, Listing(goal, DAY, one))
    told = encode_cursor(runtime.keys, actor, "enterprises", cursor)
    assert len(told) <= LONGEST
    members = open_cursor(runtime.keys, actor, "enterprises", told)
    for roots in (held, shed, goal):
        if {many for many in (held, shed, goal) if len(many) > MOST_ROOTS} <= {roots}:
            assert read_cursor(members, roots) == cursor
        else:
            with pytest.raises(ResyncProblem):
                read_cursor(members, roots)


def hold_many(world: World, user_id: UUID, number: int) -> list[UUID]:
    """So many villages of their own, each by a grant of its own."""
    villages = [new_id() for _ in range(number)]

    async def make(session: AsyncSession) -> None:
        town = await session.get_one(Region, world.other_town)
        for place, village in enumerate(villages):
            code = f"{town.code}{place:04}"
            session.add(
                Region(
                    id=village, code=code, name=f"村{place}", level="town", parent_id=town.id,
                    path=f"{town.path}{code}/", valid_from=LONG_AGO,
                )
            )  # fmt: skip
        await session.flush()
        session.add_all(
            RoleGrant(user_id=user_id, role="inspector", region_id=village, starts_on=LONG_AGO)
            for village in villages
        )

    world.in_database(make)
    return villages


def test_an_officer_of_hundreds_of_regions_pulls_on_and_begins_anew_when_one_is_added(world: World) -> None:
    team = Team(world, limit=1)
    villages = hold_many(world, team.officers[0].user_id, 300)
    manager = world.person("case_officer")
    known = {registered(manager, world, f"第{number}企业", villages[number])["id"] for number in range(3)}
    team.replica.pull("enterprises")
    assert {*map(UUID, known), team.home.enterprise_id} == team.replica.held("enterprises")
    assert len(team.replica.cursors["enterprises"]) <= LONGEST
    later = registered(manager, world, "后来企业", villages[7])
    assert [one["id"] for one in team.replica.pull("enterprises")] == [later["id"]]

    async def grant(session: AsyncSession) -> None:
        region = {"user_id": team.officers[0].user_id, "region_id": world.district}
        session.add(RoleGrant(role="inspector", starts_on=LONG_AGO, **region))

    world.in_database(grant)
    answer = team.replica.page("enterprises")
    assert (answer.status_code, answer.json()["code"]) == (410, "resync_required")
    team.replica.cursors.clear()
    team.replica.pull("enterprises")
    assert team.replica.held("enterprises") == {*map(UUID, known), UUID(later["id"]), team.home.enterprise_id}


@pytest.mark.parametrize("collection", ["enterprises", "law"])
def test_a_cursor_that_is_too_long_is_begun_anew_and_not_called_a_mistake(
    world: World, listen: Listen, collection: str
) -> None:
    phone: Any = Team(world).phone
    endless = "A" * (LONGEST + 1)
    answer = phone.request("GET", f"/sync/{collection}/pull", params={"cursor": endless})
    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (
        410,
        "resync_required",
        "now",
    )
    for given_as in ({"query": f"?cursor={endless}"}, {"last_event_id": endless}):
        event = listen(phone, collection, **given_as).event()
        assert event is not None
        assert (event["event"], event["id"]) == ("RESYNC", "")
