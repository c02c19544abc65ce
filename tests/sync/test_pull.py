"""Pulling: everything once, then what changed, each for its own phone only."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.core.clock import shanghai_today
from app.services.runtime import Runtime
from tests.factories.field import Field
from tests.factories.replica import Replica, relay
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries

ASSIGNMENTS = "/api/v1/inspections/assignments"


class Team:
    """Two officers of the town, the first one's phone, and what it holds."""

    def __init__(self, world: World, region: UUID | None = None, limit: int = 500) -> None:
        self.world = world
        self.officers = [world.person("inspector", region=region or world.town) for _ in range(2)]
        self.home = Field(world, region=region)
        self.phone = self.home.phone(self.officers[0].user_id)
        self.replica = Replica(world, self.phone, limit)
        self.supervisor = world.person("supervisor")

    def assign(self, field: Field, **changes: Any) -> dict[str, Any]:
        today = shanghai_today()
        body = {
            "site_id": str(field.site_id),
            "authority_id": str(self.world.authority),
            "planned_from": today.isoformat(),
            "planned_until": (today + timedelta(days=7)).isoformat(),
            "officers": [str(officer.user_id) for officer in self.officers],
            "template_version_ids": [str(field.version_id("rto"))],
            **changes,
        }
        made = self.supervisor.post(ASSIGNMENTS, json=body)
        assert made.status_code == 201, made.text
        assigned: dict[str, Any] = made.json()
        return assigned

    def cancel(self, assignment: dict[str, Any]) -> None:
        path = f"{ASSIGNMENTS}/{assignment['id']}/cancellation"
        done = self.supervisor.post(path, json={"reason": "改期"}, version=assignment["version"])
        assert done.status_code < 300, done.text


@pytest.fixture
def team(world: World) -> Team:
    return Team(world)


def registered(person: Person, world: World, name: str, region: UUID | None = None) -> dict[str, Any]:
    body = {"name": name, "region_id": str(region or world.town)}
    made = person.post("/api/v1/enterprises", json=body)
    assert made.status_code == 201, made.text
    enterprise: dict[str, Any] = made.json()
    return enterprise


def test_the_first_pull_brings_the_regions_enterprises_and_sites_as_stubs_and_no_foreign_ones(
    team: Team, world: World
) -> None:
    foreign = Field(world, region=world.other_town)
    team.replica.pull("enterprises")
    team.replica.pull("sites")
    assert team.replica.held("enterprises") == {team.home.enterprise_id}
    assert team.replica.held("sites") == {team.home.site_id}
    stub = team.replica.rows["enterprises"][str(team.home.enterprise_id)]
    assert (stub["detail"], stub["name"]) == ("stub", "安市东风涂装有限公司")
    assert "contacts" not in stub
    assert foreign.enterprise_id not in team.replica.held("enterprises")


def test_an_assignment_brings_itself_its_site_and_enterprise_in_full_whatever_the_region(
    team: Team, world: World
) -> None:
    foreign = Field(world, region=world.other_town)
    for name in ("assignments", "sites", "enterprises"):
        team.replica.pull(name)
    manager = world.person("case_officer")
    contact = {"name": "赵小四", "phone": "13812345678"}
    manager.post(f"/api/v1/enterprises/{foreign.enterprise_id}/contacts", json=contact)
    unit = {"name": "1号炉", "facts": {"kind": "rto", "chambers": 3}}
    manager.post(f"/api/v1/sites/{foreign.site_id}/units", json=unit)
    made = team.assign(foreign)
    (assignment,) = team.replica.pull("assignments")
    assert (assignment["id"], assignment["officers"]) == (
        made["id"], sorted(str(one.user_id) for one in team.officers),
    )  # fmt: skip
    (site,) = team.replica.pull("sites")
    assert (site["id"], site["detail"], site["units"][0]["facts"]) == (
        str(foreign.site_id), "full", {"chambers": 3},
    )  # fmt: skip
    (enterprise,) = team.replica.pull("enterprises")
    assert (enterprise["id"], enterprise["detail"]) == (str(foreign.enterprise_id), "full")
    assert [one["phone"] for one in enterprise["contacts"]] == ["138****5678"]


def test_a_cancelled_assignment_takes_back_what_it_opened(team: Team, world: World) -> None:
    foreign = Field(world, region=world.other_town)
    assigned = [team.assign(foreign), team.assign(team.home)]
    for name in ("assignments", "sites", "enterprises"):
        team.replica.pull(name)
    assert team.replica.held("sites") == {team.home.site_id, foreign.site_id}
    for one in assigned:
        team.cancel(one)
    assert [one["_deleted"] for one in team.replica.pull("assignments")] == [True, True]
    told = {one["id"]: one for one in team.replica.pull("sites")}
    assert told[str(foreign.site_id)] == {"id": str(foreign.site_id), "_deleted": True}
    assert told[str(team.home.site_id)]["detail"] == "stub"
    team.replica.pull("enterprises")
    assert team.replica.held("enterprises") == {team.home.enterprise_id}


def test_a_delta_holds_what_changed_and_nothing_else(team: Team, world: World) -> None:
    manager = world.person("case_officer")
    one, other = (registered(manager, world, name) for name in ("一号企业", "二号企业"))
    team.replica.pull("enterprises")
    assert team.replica.pull("enterprises") == []
    path = f"/api/v1/enterprises/{one['id']}"
    manager.patch(path, json={"name": "改名企业"}, version=one["version"])
    (told,) = team.replica.pull("enterprises")
    assert (told["id"], told["name"], told["version"]) == (one["id"], "改名企业", 2)
    manager.post(
        f"/api/v1/enterprises/{other['id']}/deactivation", json={"reason": "注销"}, version=other["version"]
    )
    assert team.replica.pull("enterprises") == [{"id": other["id"], "_deleted": True}]


def test_an_enterprise_that_moves_between_regions_leaves_one_phone_and_comes_to_the_other(
    team: Team, world: World
) -> None:
    neighbours = Team(world, world.other_town)
    manager = world.person("case_officer")
    moving = registered(manager, world, "搬迁企业")
    for each in (team, neighbours):
        each.replica.pull("enterprises")
    changed = {"region_id": str(world.other_town)}
    manager.patch(f"/api/v1/enterprises/{moving['id']}", json=changed, version=moving["version"])
    assert team.replica.pull("enterprises") == [{"id": moving["id"], "_deleted": True}]
    assert [one["id"] for one in neighbours.replica.pull("enterprises")] == [moving["id"]]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_however_small_the_pages_nothing_is_left_out(world: World, limit: int) -> None:
    team = Team(world, limit=limit)
    manager = world.person("case_officer")
    known = {registered(manager, world, f"第{number}企业")["id"] for number in range(4)}
    team.replica.pull("enterprises")
    known |= {registered(manager, world, f"后{number}企业")["id"] for number in range(3)}
    team.replica.pull("enterprises")
    assert team.replica.held("enterprises") == {*map(UUID, known), team.home.enterprise_id}


def test_a_row_changed_while_the_first_pull_is_under_way_comes_as_it_is_at_the_end(world: World) -> None:
    team = Team(world, limit=1)
    manager = world.person("case_officer")
    rows = [registered(manager, world, f"第{number}企业") for number in range(3)]
    relay(world)
    body = team.replica.page("enterprises").json()
    team.replica.take("enterprises", body["documents"], body["checkpoint"]["cursor"])
    for row in rows:
        manager.patch(f"/api/v1/enterprises/{row['id']}", json={"address": "新址"}, version=1)
    team.replica.pull("enterprises")
    held = team.replica.rows["enterprises"]
    assert {held[row["id"]]["address"] for row in rows} == {"新址"}


def test_a_cursor_is_good_for_its_user_its_device_and_its_collection_only(team: Team) -> None:
    team.replica.pull("enterprises")
    cursor = team.replica.cursors["enterprises"]
    colleague, second_phone = (
        team.home.phone(officer.user_id, "second") for officer in reversed(team.officers)
    )
    altered = cursor[:-6] + ("A" if cursor[-6] != "A" else "B") + cursor[-5:]
    for phone, path, given in (
        (colleague, "enterprises", cursor),
        (second_phone, "enterprises", cursor),
        (team.phone, "sites", cursor),
        (team.phone, "enterprises", altered),
        (team.phone, "enterprises", "no cursor"),
        (team.phone, "enterprises", "é"),
    ):
        answer = phone.request("GET", f"/sync/{path}/pull", params={"cursor": given})
        assert (answer.status_code, answer.json()["code"]) == (400, "sync_cursor_invalid"), given


def test_an_empty_delta_and_a_page_take_few_statements_whatever_they_hold(
    team: Team, world: World, runtime: Runtime
) -> None:
    manager = world.person("case_officer")
    team.assign(team.home)
    team.replica.pull("enterprises")
    for number in range(5):
        registered(manager, world, f"第{number}企业")
    relay(world)
    for most in (9, 7):
        with recorded_queries(runtime.database) as statements:
            body = team.replica.page("enterprises").json()
        team.replica.take("enterprises", body["documents"], body["checkpoint"]["cursor"])
        assert len(statements) <= most, statements
    assert body["documents"] == []


def test_a_new_grant_brings_the_regions_rows_in_and_its_end_takes_them_out(team: Team, world: World) -> None:
    far = [Field(world, region=world.other_town) for _ in range(3)]
    team.replica.pull("enterprises")
    administrator = world.person("administrator")
    user = f"/api/v1/users/{team.officers[0].user_id}"
    given = {
        "role": "inspector",
        "region_id": str(world.other_district),
        "starts_on": shanghai_today().isoformat(),
    }
    granted = administrator.post(f"{user}/grants", json=given, version=1)
    assert granted.status_code == 201, granted.text
    team.replica.limit = 2
    told = team.replica.pull("enterprises")
    assert {UUID(one["id"]) for one in told if not one["_deleted"]} == {one.enterprise_id for one in far}
    grant = next(
        one
        for one in administrator.get(f"{user}/grants").json()["grants"]
        if one["region_id"] == str(world.other_district)
    )
    ended = administrator.post(
        f"{user}/grants/{grant['id']}/ending",
        json={"ends_on": (shanghai_today() - timedelta(days=1)).isoformat()},
        version=2,
    )
    assert ended.status_code < 300, ended.text
    told = team.replica.pull("enterprises")
    assert {(one["id"], one["_deleted"]) for one in told} == {(str(one.enterprise_id), True) for one in far}
    assert team.replica.held("enterprises") == {team.home.enterprise_id}


__all__ = ["Team", "registered"]
