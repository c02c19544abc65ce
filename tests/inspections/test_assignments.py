"""Who may send whom where."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.services.runtime import Runtime
from tests.factories.field import Field
from tests.factories.world import LONG_AGO, Person, World
from tests.support.queries import recorded_queries

PATH = "/api/v1/inspections/assignments"


def request_for(world: World, field: Field, officers: list[UUID], **changes: Any) -> dict[str, Any]:
    today = shanghai_today()
    return {
        "site_id": str(field.site_id),
        "authority_id": str(world.authority),
        "planned_from": today.isoformat(),
        "planned_until": (today + timedelta(days=7)).isoformat(),
        "officers": [str(officer) for officer in officers],
        "template_version_ids": [str(field.version_id("rto"))],
        **changes,
    }


@pytest.fixture
def officers(world: World) -> list[Person]:
    return [world.person("inspector", region=world.town) for _ in range(2)]


def test_a_team_finds_its_assignment_on_the_phone_and_its_first_package_closes_it(
    world: World, officers: list[Person]
) -> None:
    field, supervisor = Field(world), world.person("supervisor")
    ids = [officer.user_id for officer in officers]
    made = supervisor.post(PATH, json=request_for(world, field, ids))
    assert made.status_code == 201, made.text
    phone = field.phone(ids[0])
    (own,) = phone.request("GET", "/assignments").json()
    assert (own["id"], own["enterprise_name"]) == (made.json()["id"], "安市东风涂装有限公司")
    package = phone.seal(field.document(field.publish("rto"), ids, assignment_id=own["id"]), [])
    flagged = {issue["code"] for issue in phone.put_package(package).json()["issues"]}
    assert flagged <= {"unanswered"}
    assert phone.request("GET", "/assignments").json() == []
    assert supervisor.get(f"{PATH}/{own['id']}").json()["status"] == "visited"


def test_an_assignment_opens_a_foreign_site_to_its_team_alone(world: World) -> None:
    field = Field(world, region=world.other_town)
    squad = [world.person("inspector", region=world.town) for _ in range(2)]
    ids = [officer.user_id for officer in squad]
    made = world.person("supervisor").post(PATH, json=request_for(world, field, ids)).json()
    template = field.publish("rto")
    inside, outside = field.phone(ids[0]), field.phone(world.person("inspector", region=world.town).user_id)
    document = field.document(template, ids, assignment_id=made["id"])
    assert inside.put_package(inside.seal(document, [])).status_code == 201
    assert outside.put_package(outside.seal(document, [])).status_code == 404


@pytest.mark.parametrize("team", ["one officer", "an assistant", "expires within the period", "unknown"])
def test_a_team_needs_two_officers_certified_for_the_whole_period(world: World, team: str) -> None:
    field, first = Field(world), world.person("inspector")
    today = shanghai_today()
    second = {
        "one officer": first.user_id,
        "an assistant": world.person("safety_assistant", certificate=True).user_id,
        "expires within the period": world.person(
            "inspector", certificate=(LONG_AGO, today + timedelta(days=6))
        ).user_id,
        "unknown": new_id(),
    }[team]
    answer = world.person("supervisor").post(PATH, json=request_for(world, field, [first.user_id, second]))
    assert (answer.status_code, answer.json()["code"]) == (422, "team_not_qualified")


def test_a_certificate_valid_to_the_last_day_suffices(world: World) -> None:
    field, today = Field(world), shanghai_today()
    ids = [
        world.person("inspector", certificate=(today, today + timedelta(days=7))).user_id for _ in range(2)
    ]
    assert world.person("supervisor").post(PATH, json=request_for(world, field, ids)).status_code == 201


def test_the_authority_must_cover_the_site(world: World, officers: list[Person]) -> None:
    other = World(world.client, world.runtime, world.in_database)
    ids = [officer.user_id for officer in officers]
    body = request_for(world, Field(world), ids, authority_id=str(other.authority))
    answer = world.person("supervisor").post(PATH, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "outside_jurisdiction")


def test_roles_and_regions_bound_who_assigns_and_who_sees(world: World, officers: list[Person]) -> None:
    field = Field(world, region=world.town)
    body = request_for(world, field, [officer.user_id for officer in officers])
    assert world.person("inspector").post(PATH, json=body).status_code == 403
    abroad = world.person("supervisor", region=world.other_district)
    assert abroad.post(PATH, json=body).status_code == 404
    made = world.person("supervisor", region=world.district).post(PATH, json=body).json()
    assert abroad.get(f"{PATH}/{made['id']}").status_code == 404
    assert abroad.get(PATH).json()["items"] == []
    assert (
        abroad.post(f"{PATH}/{made['id']}/cancellation", version=1, json={"reason": "x"}).status_code == 404
    )


def test_a_cancellation_needs_the_current_version_and_happens_once(
    world: World, officers: list[Person]
) -> None:
    field, supervisor = Field(world), world.person("supervisor")
    body = request_for(world, field, [officer.user_id for officer in officers])
    path = f"{PATH}/{supervisor.post(PATH, json=body).json()['id']}/cancellation"
    assert supervisor.post(path, json={"reason": "改期"}).status_code == 428
    assert supervisor.post(path, version=7, json={"reason": "改期"}).status_code == 412
    assert supervisor.post(path, version=1, json={"reason": "改期"}).json()["status"] == "cancelled"
    again = supervisor.post(path, version=2, json={"reason": "改期"})
    assert (again.status_code, again.json()["code"]) == (409, "assignment_closed")


def test_the_same_request_twice_makes_one_assignment(world: World, officers: list[Person]) -> None:
    supervisor = world.person("supervisor")
    body = request_for(world, Field(world), [officer.user_id for officer in officers])
    key = {"Idempotency-Key": "once"}
    first, again = (supervisor.post(PATH, json=body, headers=key) for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    other = supervisor.post(PATH, json={**body, "note": "another"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(supervisor.get(PATH).json()["items"]) == 1


def test_a_list_pages_without_a_query_per_row(world: World, officers: list[Person], runtime: Runtime) -> None:
    field, supervisor = Field(world), world.person("supervisor")
    body = request_for(world, field, [officer.user_id for officer in officers])
    made = [supervisor.post(PATH, json=body).json()["id"] for _ in range(5)]
    with recorded_queries(runtime.database) as few:
        first = supervisor.get(PATH, params={"limit": 2}).json()
    with recorded_queries(runtime.database) as more:
        rest = supervisor.get(PATH, params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [row["id"] for row in (*first["items"], *rest["items"])] == sorted(made, reverse=True)
    assert rest["next_cursor"] is None
    assert len(few) == len(more) <= 5
    stranger = world.person("supervisor")
    stolen = stranger.get(PATH, params={"limit": 2, "cursor": first["next_cursor"]})
    assert (stolen.status_code, stolen.json()["code"]) == (400, "invalid_cursor")


def test_filters_narrow_the_list(world: World, officers: list[Person]) -> None:
    field, supervisor = Field(world), world.person("supervisor")
    body = request_for(world, field, [officer.user_id for officer in officers])
    identifier = supervisor.post(PATH, json=body).json()["id"]

    def found(**params: Any) -> list[str]:
        return [row["id"] for row in supervisor.get(PATH, params=params).json()["items"]]

    assert found(status="assigned", officer_id=str(officers[0].user_id)) == [identifier]
    assert found(status="cancelled") == found(site_id=str(new_id())) == []
    assert found(on=shanghai_today().isoformat()) == [identifier]
    assert found(on=date(2020, 1, 1).isoformat()) == []
