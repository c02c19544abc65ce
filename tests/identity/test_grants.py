"""Roles by region and period: who may give them, and what they allow on the day before, the first, the last, the day after."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.core.clock import SHANGHAI, shanghai_today, standing_at
from tests.factories.world import Person, World

DAY = timedelta(days=1)


def path_of(person: Person) -> str:
    return f"/api/v1/users/{person.user_id}/grants"


def grant(
    region: UUID, role: str = "supervisor", first: date | None = None, last: date | None = None
) -> dict[str, Any]:
    body = {"role": role, "region_id": str(region), "starts_on": (first or shanghai_today()).isoformat()}
    return {**body, "ends_on": last.isoformat() if last else None}


@pytest.fixture
def admin(world: World) -> Person:
    return world.person("administrator")


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code")


def test_a_role_holds_from_its_first_to_its_last_day_by_shanghais_calendar(
    world: World, admin: Person
) -> None:
    user = world.person(region=world.town)
    first, last = shanghai_today() + 2 * DAY, shanghai_today() + 4 * DAY
    assert (
        admin.post(path_of(user), json=grant(world.town, first=first, last=last), version=1).status_code
        == 201
    )
    moments = {
        datetime.combine(first - DAY, time(23, 59, 59), SHANGHAI): 403,
        datetime.combine(first, time(0, 0), SHANGHAI): 200,
        datetime.combine(last, time(23, 59, 59), SHANGHAI): 200,
        datetime.combine(last + DAY, time(0, 0), SHANGHAI): 403,
    }
    for moment, expected in moments.items():
        with standing_at(moment):
            assert world.logged_in(user.user_id).get("/api/v1/hazards").status_code == expected


def test_nobody_grants_himself(world: World, admin: Person) -> None:
    assert code(admin.post(path_of(admin), json=grant(world.city), version=1)) == (409, "own_account")


def test_nobody_grants_beyond_his_own_regions(world: World) -> None:
    local, user = world.person("administrator", region=world.district), world.person(region=world.town)
    assert local.post(path_of(user), json=grant(world.city), version=1).status_code == 404
    assert local.post(path_of(user), json=grant(world.other_district), version=1).status_code == 404
    assert local.post(path_of(user), json=grant(world.district), version=1).status_code == 201
    stranger = world.person(region=world.other_town)
    assert local.post(path_of(stranger), json=grant(world.district), version=1).status_code == 404
    supervisor = world.person("supervisor")
    assert supervisor.post(path_of(user), json=grant(world.town), version=2).status_code == 403


def test_a_grant_makes_up_no_past_and_does_not_overlap(world: World, admin: Person) -> None:
    user, today = world.person(region=world.town), shanghai_today()
    yesterday = grant(world.town, first=today - DAY)
    assert code(admin.post(path_of(user), json=yesterday, version=1)) == (422, "grant_period")
    reversed_period = {**grant(world.town), "ends_on": (today - DAY).isoformat()}
    assert admin.post(path_of(user), json=reversed_period, version=1).status_code == 422
    assert admin.post(path_of(user), json=grant(world.town, last=today + DAY), version=1).status_code == 201
    overlapping = grant(world.town, first=today + DAY)
    assert code(admin.post(path_of(user), json=overlapping, version=2)) == (409, "grant_overlap")
    following = grant(world.town, first=today + 2 * DAY)
    assert admin.post(path_of(user), json=following, version=2).status_code == 201
    assert admin.post(path_of(user), json=grant(world.district), version=3).status_code == 201


@pytest.mark.parametrize("officer", ["inspector", "case_officer", "legal_reviewer", "approver"])
def test_nobody_is_assistant_and_officer_at_the_same_time(world: World, admin: Person, officer: str) -> None:
    pairs = [("safety_assistant", officer), (officer, "safety_assistant")]
    for held, wanted in pairs:
        user, today = world.person(region=world.town), shanghai_today()
        assert (
            admin.post(path_of(user), json=grant(world.town, held, last=today), version=1).status_code == 201
        )
        refused = admin.post(path_of(user), json=grant(world.city, wanted), version=2)
        assert code(refused) == (409, "roles_exclude")
        later = grant(world.city, wanted, first=today + DAY)
        assert admin.post(path_of(user), json=later, version=2).status_code == 201


def test_a_grant_is_brought_to_its_end_at_once_and_never_lengthened(world: World, admin: Person) -> None:
    user, today = world.person("supervisor", region=world.town), shanghai_today()
    held = admin.get(path_of(user)).json()["grants"][0]
    path = f"{path_of(user)}/{held['id']}/ending"
    early = {"ends_on": (today - 2 * DAY).isoformat()}
    assert code(admin.post(path, json=early, version=1)) == (422, "grant_period")
    assert admin.post(path, json={"ends_on": today.isoformat()}, version=1).status_code == 200
    assert user.get("/api/v1/hazards").status_code == 200
    longer = {"ends_on": (today + DAY).isoformat()}
    assert code(admin.post(path, json=longer, version=2)) == (422, "grant_period")
    ended = admin.post(path, json={"ends_on": (today - DAY).isoformat()}, version=2)
    assert (ended.json()["version"], ended.json()["grants"][0]["ends_on"]) == (3, (today - DAY).isoformat())
    assert user.get("/api/v1/hazards").status_code == 403


def test_a_grant_elsewhere_is_not_ended_from_here(world: World, admin: Person) -> None:
    local, user = world.person("administrator", region=world.district), world.person(region=world.town)
    body = grant(world.other_town)
    made = admin.post(path_of(user), json=body, version=1).json()["grants"][0]
    path = f"{path_of(user)}/{made['id']}/ending"
    ending = {"ends_on": shanghai_today().isoformat()}
    assert local.post(path, json=ending, version=2).status_code == 404
    other = f"{path_of(admin)}/{made['id']}/ending"
    assert admin.post(other, json=ending, version=1).status_code == 404
