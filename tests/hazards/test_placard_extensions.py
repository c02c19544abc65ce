"""A placard's period is extended by an act of two people, moved by its clock alone, and shown to the public as the new day only."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from app.core.clock import SHANGHAI, shanghai_today, standing_at
from app.enums.identity import Role
from app.services.identity.policy import PERMISSIONS
from tests.factories.world import Person, World
from tests.hazards.test_extensions import EXTENSIONS, SETTLE, WHY
from tests.hazards.test_placard_authorities import refused
from tests.hazards.test_placard_page import read, token_of
from tests.hazards.test_placards import HAZARDS, PLACARDS, Scene


class Listed(Scene):
    """A hazard listed for thirty days by the person in charge of the district."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.due = shanghai_today() + timedelta(days=30)
        self.later = self.due + timedelta(days=10)
        self.placard = self.decided(kind="supervised_listing")

    def shown(self, who: Person | None = None) -> dict[str, Any]:
        return dict((who or self.chief).get(f"{PLACARDS}/{self.placard['id']}").json())

    def extend(self, who: Person | None = None, **changes: Any) -> Any:
        path = f"{PLACARDS}/{self.placard['id']}/extensions"
        return (who or self.officer).post(path, json=WHY | changes, version=self.shown()["version"])

    def settle(self, who: Person, extension: dict[str, Any], action: str) -> Any:
        path = f"{EXTENSIONS}/{extension['id']}/{SETTLE[action]}"
        return who.post(path, json={"reason": "情况属实"}, version=extension["version"])

    def clock(self) -> dict[str, Any]:
        params = {"subject_id": self.placard["id"], "code": "placard"}
        (running,) = self.chief.get("/api/v1/clocks", params=params).json()["items"]
        return dict(self.chief.get(f"/api/v1/clocks/{running['id']}").json())


@pytest.fixture
def listed(world: World) -> Listed:
    return Listed(world)


def in_days(days: int) -> Any:
    return standing_at(datetime.combine(shanghai_today() + timedelta(days=days), time(12), SHANGHAI))


def test_what_one_proposes_another_grants_and_the_clock_moves_the_last_day(listed: Listed) -> None:
    token = token_of(listed, listed.placard)
    deadline = listed.officer.get(f"{HAZARDS}/{listed.hazard}").json()["due_on"]
    proposed = listed.extend().json()
    assert (proposed["status"], proposed["placard_id"], proposed["order_id"]) == (
        "proposed",
        listed.placard["id"],
        None,
    )
    assert (proposed["due_before"], proposed["due_proposed"]) == (str(listed.due), str(listed.later))
    assert listed.shown()["due_on"] == str(listed.due)
    before = read(listed, token).text
    granted = listed.settle(listed.chief, proposed, "grant").json()
    assert (granted["status"], granted["due_after"]) == ("granted", str(listed.later))
    shown = listed.shown()
    assert (shown["due_on"], shown["version"]) == (str(listed.later), listed.placard["version"] + 1)
    assert [one["status"] for one in shown["extensions"]] == ["granted"]
    last = shown["steps"][-1]
    assert (last["action"], last["to_status"], last["note"]) == (
        "reschedule",
        "in_force",
        f"期限改至{listed.later}",
    )
    ledger = [(row["action"], row["due_after"], row["user_id"]) for row in listed.clock()["ledger"]]
    assert ledger[1:] == [("extend", str(listed.later), str(listed.chief.user_id))]
    page = read(listed, token).text
    assert page == before.replace(str(listed.due), str(listed.later))
    assert page != before
    hazard = listed.officer.get(f"{HAZARDS}/{listed.hazard}").json()
    assert (hazard["due_on"], hazard["extensions"]) == (deadline, [])


def test_a_refused_or_withdrawn_extension_leaves_the_last_day(listed: Listed) -> None:
    refusal = listed.settle(listed.chief, listed.extend().json(), "refuse").json()
    withdrawn = listed.settle(listed.officer, listed.extend().json(), "withdraw").json()
    assert (refusal["status"], withdrawn["status"]) == ("refused", "withdrawn")
    assert listed.shown()["due_on"] == str(listed.due)
    assert [row["action"] for row in listed.clock()["ledger"]] == ["start"]


def test_who_proposed_does_not_settle_whatever_his_roles(listed: Listed) -> None:
    both = listed.world.person("case_officer", "approver", region=listed.world.district)
    proposed = listed.extend(both).json()
    for action in ("grant", "refuse"):
        assert refused(listed.settle(both, proposed, action)) == (403, "extension_same_person")
    assert listed.settle(listed.chief, proposed, "grant").status_code == 200


def test_only_whoever_might_decide_about_the_placard_grants_or_refuses(listed: Listed) -> None:
    proposed = listed.extend().json()
    below = listed.world.person("approver", region=listed.world.town)
    for action in ("grant", "refuse"):
        assert refused(listed.settle(below, proposed, action)) == (403, "placard_decider")
    assert listed.shown()["due_on"] == str(listed.due)


def test_every_role_at_the_doors(listed: Listed) -> None:
    for role in Role:
        person = listed.world.person(role, region=listed.world.district)
        answer = listed.extend(person)
        assert answer.status_code == (201 if role in PERMISSIONS["hazards:propose_extension"] else 403)
        proposed = answer.json() if answer.status_code == 201 else listed.extend().json()
        may = role in PERMISSIONS["clocks:extend"]
        assert listed.settle(person, proposed, "grant").status_code == (200 if may else 403)
        if not may:
            assert listed.settle(listed.chief, proposed, "refuse").status_code == 200


def test_what_is_not_in_force_has_no_period_to_extend(world: World) -> None:
    scene = Scene(world)
    proposed = scene.propose().json()
    path = f"{PLACARDS}/{proposed['id']}/extensions"
    answer = scene.officer.post(path, json=WHY, version=proposed["version"])
    assert refused(answer) == (409, "no_period_to_extend")
    withdrawn = scene.step(scene.chief, scene.step(scene.chief, proposed, "decide").json(), "withdraw").json()
    answer = scene.officer.post(path, json=WHY, version=withdrawn["version"])
    assert refused(answer) == (409, "no_period_to_extend")


def test_a_proposal_lapses_when_the_placard_is_taken_down(listed: Listed) -> None:
    proposed = listed.extend().json()
    assert listed.step(listed.chief, listed.placard, "withdraw").status_code == 200
    (shown,) = listed.shown()["extensions"]
    assert (shown["status"], shown["is_lapsed"]) == ("proposed", True)
    assert refused(listed.settle(listed.chief, proposed, "grant")) == (409, "no_period_to_extend")
    assert listed.shown()["due_on"] == str(listed.due)
    assert listed.settle(listed.officer, proposed, "withdraw").status_code == 200


@pytest.mark.parametrize(("days", "status"), [(29, 201), (30, 201), (31, 422)])
def test_what_is_overdue_is_not_extended_afterwards(listed: Listed, days: int, status: int) -> None:
    version = listed.shown()["version"]
    with in_days(days):
        officer = listed.world.logged_in(listed.officer.user_id)
        path = f"{PLACARDS}/{listed.placard['id']}/extensions"
        answer = officer.post(path, json=WHY, version=version)
    assert answer.status_code == status, answer.text
    if status == 422:
        assert answer.json()["code"] == "extension_too_late"


def test_the_period_of_a_placard_is_not_extended_at_its_clock(listed: Listed) -> None:
    clock = listed.clock()
    path = f"/api/v1/clocks/{clock['id']}/extension"
    answer = listed.chief.post(path, json={"amount": 5, "reason": "直接延长"}, version=clock["version"])
    assert refused(answer) == (422, "clock_extended_by_act")
    assert listed.shown()["due_on"] == str(listed.due)


def test_a_placard_has_one_proposal_at_a_time_and_is_found_by_it(listed: Listed) -> None:
    proposed = listed.extend().json()
    assert refused(listed.extend()) == (409, "extension_pending")
    params = {"placard_id": listed.placard["id"], "status": "proposed"}
    found = listed.chief.get(EXTENSIONS, params=params).json()["items"]
    assert [one["id"] for one in found] == [proposed["id"]]
    assert listed.chief.get(EXTENSIONS, params={"placard_id": str(listed.hazard)}).json()["items"] == []
    of_the_hazard = {"hazard_id": str(listed.hazard)}
    assert listed.chief.get(EXTENSIONS, params=of_the_hazard).json()["items"] == []  # as the hazard says
    assert listed.chief.get(f"{HAZARDS}/{listed.hazard}").json()["extensions"] == []
    found = listed.chief.get(EXTENSIONS, params=params | of_the_hazard).json()["items"]
    assert [one["id"] for one in found] == [proposed["id"]]
    abroad = listed.world.person("approver", region=listed.world.neighbour_town)
    assert abroad.get(EXTENSIONS).json()["items"] == []
    assert abroad.get(f"{EXTENSIONS}/{proposed['id']}").status_code == 404


def test_a_stale_version_of_the_placard_proposes_nothing(listed: Listed) -> None:
    path = f"{PLACARDS}/{listed.placard['id']}/extensions"
    stale = listed.placard["version"] - 1
    assert listed.officer.post(path, json=WHY, version=stale).status_code == 412
    assert listed.officer.post(path, json=WHY).status_code == 428
    assert listed.shown()["extensions"] == []
