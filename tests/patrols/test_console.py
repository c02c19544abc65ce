"""What becomes of patrols and whistles at the console, by whom, in which regions."""

from itertools import product
from typing import Any

import pytest

from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.enums.identity import Role
from app.services.patrols.workflow import STATES, TRANSITIONS
from app.services.runtime import Runtime
from tests.factories.field import Field, photo
from tests.factories.patrols import Assistant
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries

PATROLS, WHISTLES = "/api/v1/patrols", "/api/v1/whistles"
DOORS = {"acknowledge": "acknowledgment", "handle": "handling", "dismiss": "dismissal"}
BODIES: dict[str, dict[str, Any]] = {
    "acknowledge": {},
    "handle": {"note": "已现场处置"},
    "dismiss": {"reason": "重复上报"},
}
WAYS: dict[str, tuple[str, ...]] = {
    "raised": (),
    "acknowledged": ("acknowledge",),
    "handled": ("acknowledge", "handle"),
    "dismissed": ("dismiss",),
}


@pytest.fixture
def assistant(world: World) -> Assistant:
    return Assistant(world)


def step(person: Person, whistle: dict[str, Any], action: str, **changes: Any) -> Any:
    path = f"{WHISTLES}/{whistle['id']}/{DOORS[action]}"
    return person.post(path, version=whistle["version"], json={**BODIES[action], **changes})


def raised(assistant: Assistant, *actions: str) -> dict[str, Any]:
    """A whistle that has taken these steps."""
    package = assistant.send(assistant.whistle_document())
    officer = assistant.world.person("inspector", region=assistant.world.town)
    for action in actions:
        assert step(officer, shown(officer, package.id), action).status_code == 200
    return shown(officer, package.id)


def shown(person: Person, whistle_id: object) -> dict[str, Any]:
    return dict(person.get(f"{WHISTLES}/{whistle_id}").json())


def test_a_patrol_is_read_with_its_points_and_photographs(assistant: Assistant) -> None:
    picture = photo(question="exit")
    package = assistant.send(assistant.patrol_document(), [picture])
    supervisor = assistant.world.person("supervisor")
    row = supervisor.get(f"{PATROLS}/{package.id}").json()
    assert (row["note"], row["abnormal_points"]) == ("例行巡查", 1)
    assert [point["name"] for point in row["points"]] == ["疏散通道", "灭火器"]
    assert row["evidence_ids"] == [str(picture.id)]
    assert row["patrolled_on"] == shanghai_today().isoformat()
    assert supervisor.get(PATROLS).json()["items"] == [row]


def test_a_whistle_is_raised_acknowledged_and_handled_by_a_visit(assistant: Assistant) -> None:
    world, field = assistant.world, assistant.field
    whistle = raised(assistant)
    assert (whistle["status"], whistle["urgency"]) == ("raised", "immediate")
    supervisor = world.person("supervisor")
    whistle = step(supervisor, whistle, "acknowledge", note="已派单").json()
    officers = [world.person("inspector", region=world.town) for _ in range(2)]
    phone = field.phone(officers[0].user_id)
    document = field.document(field.publish("rto"), [officer.user_id for officer in officers])
    assert phone.put_package(phone.seal(document, [])).status_code == 201
    handled = step(officers[0], whistle, "handle", visit_id=document["visit_id"]).json()
    assert (handled["status"], handled["handling_visit_id"]) == ("handled", document["visit_id"])
    steps = shown(supervisor, whistle["id"])["steps"]
    assert [(one["from_status"], one["to_status"], one["note"]) for one in steps] == [
        (None, "raised", None),
        ("raised", "acknowledged", "已派单"),
        ("acknowledged", "handled", "已现场处置"),
    ]


def test_a_whistle_is_not_handled_by_a_visit_elsewhere_or_by_a_patrol(assistant: Assistant) -> None:
    world = assistant.world
    whistle = raised(assistant, "acknowledge")
    officer = world.person("inspector", region=world.town)
    elsewhere = Assistant(world, Field(world))
    patrol = assistant.patrol_document()
    assistant.send(patrol)
    other = elsewhere.patrol_document()
    elsewhere.send(other)
    for visit_id in (patrol["visit_id"], other["visit_id"], str(new_id())):
        answer = step(officer, whistle, "handle", visit_id=visit_id)
        assert (answer.status_code, answer.json()["code"]) == (422, "handling_visit")


@pytest.mark.parametrize(("state", "action"), list(product(sorted(STATES), sorted(TRANSITIONS))))
def test_only_the_listed_steps_are_taken(assistant: Assistant, state: str, action: str) -> None:
    whistle = raised(assistant, *WAYS[state])
    officer = assistant.world.person("inspector", region=assistant.world.town)
    answer = step(officer, whistle, action)
    if state in TRANSITIONS[action].sources:
        assert (answer.status_code, answer.json()["status"]) == (200, TRANSITIONS[action].target)
        assert answer.headers["etag"] == f'"{whistle["version"] + 1}"'
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "whistle_state")


@pytest.mark.parametrize(("role", "action"), list(product(sorted(Role), sorted(TRANSITIONS))))
def test_only_inspectors_and_supervisors_answer_a_whistle(
    assistant: Assistant, role: Role, action: str
) -> None:
    whistle = raised(assistant, *(("acknowledge",) if action == "handle" else ()))
    person = assistant.world.person(role, region=assistant.world.town)
    expected = 200 if role in ("inspector", "supervisor") else 403
    assert step(person, whistle, action).status_code == expected


def test_dismissing_and_handling_say_why(assistant: Assistant) -> None:
    officer = assistant.world.person("inspector", region=assistant.world.town)
    whistle = raised(assistant, "acknowledge")
    assert step(officer, whistle, "dismiss", reason="").status_code == 422
    assert step(officer, whistle, "handle", note="").status_code == 422


def test_writes_need_the_version_that_was_read(assistant: Assistant) -> None:
    officer = assistant.world.person("inspector", region=assistant.world.town)
    whistle = raised(assistant)
    assert officer.post(f"{WHISTLES}/{whistle['id']}/acknowledgment", json={}).status_code == 428
    assert step(officer, {**whistle, "version": 7}, "acknowledge").status_code == 412


def test_a_corrected_whistle_takes_no_further_step(assistant: Assistant) -> None:
    officer = assistant.world.person("inspector", region=assistant.world.town)
    first = raised(assistant)
    correction = {"supersedes": {"id": first["id"], "reason": "地点写错"}}
    second = assistant.send(assistant.whistle_document(**correction))
    answer = step(officer, shown(officer, first["id"]), "acknowledge")
    assert (answer.status_code, answer.json()["status"]) == (409, 409)
    assert "superseded" in answer.json()["en"]
    assert [row["id"] for row in officer.get(WHISTLES).json()["items"]] == [str(second.id)]
    everything = officer.get(WHISTLES, params={"with_superseded": True}).json()["items"]
    assert [row["id"] for row in everything] == [str(second.id), first["id"]]


def test_a_foreign_region_sees_nothing(assistant: Assistant) -> None:
    whistle = raised(assistant)
    patrol = assistant.send(assistant.patrol_document())
    abroad = assistant.world.person("inspector", region=assistant.world.other_district)
    assert abroad.get(PATROLS).json()["items"] == abroad.get(WHISTLES).json()["items"] == []
    assert abroad.get(f"{PATROLS}/{patrol.id}").status_code == 404
    assert abroad.get(f"{WHISTLES}/{whistle['id']}").status_code == 404
    assert step(abroad, whistle, "acknowledge").status_code == 404
    assert abroad.get(f"{PATROLS}/counts").json()["records"] == 0
    assert abroad.get(f"{WHISTLES}/counts").json() == []
    assert assistant.world.person("administrator").get(PATROLS).status_code == 403
    assert assistant.world.person("administrator").get(WHISTLES).status_code == 403


def test_filters_and_counts_agree(assistant: Assistant, runtime: Runtime) -> None:
    world = assistant.world
    other = Assistant(world, Field(world))
    calm = other.patrol_document(patrol={"points": []})
    assistant.send(assistant.patrol_document())
    other.send(calm)
    handled, open_one = raised(assistant, "acknowledge", "handle"), raised(other)
    supervisor = world.person("supervisor")

    def sites(path: str, **params: Any) -> list[str]:
        return [row["site_id"] for row in supervisor.get(path, params=params).json()["items"]]

    here, there = str(assistant.field.site_id), str(other.field.site_id)
    assert sites(PATROLS) == [there, here]
    assert sites(PATROLS, abnormal=True) == sites(PATROLS, site_id=here) == [here]
    assert sites(PATROLS, abnormal=False) == sites(PATROLS, user_id=str(other.person.user_id)) == [there]
    assert sites(PATROLS, patrolled_from="2099-01-01") == sites(PATROLS, patrolled_until="2020-01-01") == []
    assert sites(PATROLS, region_id=str(world.town), enterprise_id=str(other.field.enterprise_id)) == [there]
    assert sites(PATROLS, region_id=str(world.district)) == [there, here]
    assert len(sites(WHISTLES, region_id=str(world.district))) == 2
    assert (
        sites(PATROLS, region_id=str(world.other_district)) == sites(PATROLS, region_id=str(new_id())) == []
    )
    assert supervisor.get(f"{PATROLS}/counts").json() == {
        "records": 2, "visits": 2, "enterprises": 2, "abnormal": 1,
    }  # fmt: skip
    assert sites(WHISTLES, status="handled") == [handled["site_id"]]
    assert sites(WHISTLES, status="raised", urgency="immediate") == [open_one["site_id"]]
    assert sites(WHISTLES, urgency="normal") == []
    assert supervisor.get(f"{WHISTLES}/counts").json() == [
        {"status": "handled", "urgency": "immediate", "count": 1},
        {"status": "raised", "urgency": "immediate", "count": 1},
    ]
    for path in (PATROLS, WHISTLES):
        with recorded_queries(runtime.database) as sent:
            supervisor.get(path)
        assert len(sent) <= 3


def test_pages_follow_one_another(assistant: Assistant) -> None:
    packages = [assistant.send(assistant.patrol_document()) for _ in range(3)]
    supervisor = assistant.world.person("supervisor")
    first = supervisor.get(PATROLS, params={"limit": 2}).json()
    second = supervisor.get(PATROLS, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    seen = [row["id"] for row in (*first["items"], *second["items"])]
    assert seen == [str(package.id) for package in reversed(packages)]
    assert second["next_cursor"] is None


def test_an_assistant_follows_his_own_on_his_phone(assistant: Assistant) -> None:
    colleague = Assistant(assistant.world, assistant.field)
    patrol = assistant.send(assistant.patrol_document())
    colleague.send(colleague.patrol_document())
    whistle = raised(assistant, "acknowledge")
    phone = assistant.phone
    assert [row["id"] for row in phone.request("GET", "/patrols").json()["items"]] == [str(patrol.id)]
    (row,) = phone.request("GET", "/whistles").json()["items"]
    assert (row["id"], row["status"]) == (whistle["id"], "acknowledged")
    inspector = assistant.world.person("inspector", region=assistant.world.town)
    officer = assistant.field.phone(inspector.user_id)
    assert officer.request("GET", "/patrols").status_code == 403
    assert officer.request("GET", "/whistles").status_code == 403


def test_visits_of_officers_and_patrols_are_counted_apart(assistant: Assistant) -> None:
    """A patrol and a whistle of one visit are one patrol visit; two officers' packages of one visit are one inspection."""
    world, field = assistant.world, assistant.field
    patrol = assistant.patrol_document()
    assistant.send(patrol)
    assistant.send(assistant.whistle_document(visit_id=patrol["visit_id"]))
    assistant.send(assistant.patrol_document())
    officers = [world.person("inspector", region=world.town) for _ in range(2)]
    document = field.document(field.publish("rto"), [officer.user_id for officer in officers])
    for officer in officers:
        phone = field.phone(officer.user_id)
        assert phone.put_package(phone.seal(document, [])).status_code == 201
    path = "/api/v1/inspections/visits/counts"
    assert officers[0].get(path).json() == [
        {"kind": "inspection", "visits": 1, "enterprises": 1},
        {"kind": "patrol", "visits": 2, "enterprises": 1},
    ]
    assert officers[0].get(path, params={"visited_from": "2099-01-01"}).json() == []
    assert world.person("inspector", region=world.other_town).get(path).json() == []
    assert assistant.person.get(path).status_code == 403
