"""Placards: proposed where the conditions hold, decided by whom the kind names, removed by acceptance or withdrawn."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.enums.hazards import PlacardStatus
from app.enums.identity import Role
from app.models.enterprises import EnterpriseContact
from app.models.hazards import Hazard
from app.models.placards import Placard
from app.services.clocks.content import time_limits
from app.services.clocks.responsibility import Subject
from app.services.clocks.service import end_clocks, start_clock
from app.services.hazards.content import placard_kind, placard_kinds, proposal_kinds
from app.services.hazards.placard_workflow import INITIAL, STANDING, STATES, TRANSITIONS
from app.services.hazards.proposing import propose_for_overdue
from app.services.identity.policy import PERMISSIONS
from app.services.runtime import Runtime
from tests.factories.cases import Docket
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries

HAZARDS, PLACARDS = "/api/v1/hazards", "/api/v1/placards"
DOORS = {"decide": "decision", "refuse": "refusal", "remove": "removal", "withdraw": "withdrawal"}
TABLE: dict[str, dict[str, str]] = {
    "proposed": {"decide": "in_force", "refuse": "refused"},
    "in_force": {"remove": "removed", "withdraw": "withdrawn"},
    "refused": {},
    "removed": {},
    "withdrawn": {},
}


class Scene:
    """A major hazard that is overdue, an officer who proposes and a person in charge of the district."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.docket = Docket(world)
        self.officer = world.person("inspector", region=world.town)
        self.chief = world.person("approver", region=world.district)
        self.hazard = self.docket.hazard()
        self.contact = new_id()
        self.put_hazard()

        async def add(session: AsyncSession) -> None:
            session.add(
                EnterpriseContact(
                    id=self.contact, enterprise_id=self.docket.field.enterprise_id, name="赵小四"
                )
            )

        world.in_database(add)

    def put_hazard(self, **values: Any) -> None:
        plain: dict[str, Any] = {
            "level": "major", "clause": "MEM10-7-5", "major_since": shanghai_today(), "status": "ordered",
            "due_on": shanghai_today() - timedelta(days=1),
        }  # fmt: skip

        async def change(session: AsyncSession) -> None:
            await session.execute(
                update(Hazard).where(Hazard.id == self.hazard).values(plain | {"version": 1} | values)
            )

        self.world.in_database(change)

    def propose(self, who: Person | None = None, **changes: Any) -> Any:
        body = {
            "kind": "placard_warning",
            "days": 30,
            "requirement": "停用并按方案治理",
            "text_zh": "该单位存在逾期未整改的重大事故隐患。",
            "text_en": "A major hazard was not removed here in time.",
            "contact_id": str(self.contact),
            "supervisor_id": str(self.officer.user_id),
            **changes,
        }
        return (who or self.officer).post(f"{HAZARDS}/{self.hazard}/placards", json=body, version=1)

    def step(self, who: Person, placard: dict[str, Any], action: str) -> Any:
        path = f"{PLACARDS}/{placard['id']}/{DOORS[action]}"
        return who.post(path, json={"reason": "情况属实"}, version=placard["version"])

    def decided(self, **changes: Any) -> dict[str, Any]:
        answer = self.step(self.chief, self.propose(**changes).json(), "decide")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def put(self, placard: dict[str, Any], status: str) -> dict[str, Any]:
        """The placard in a state, as if nothing had been decided yet."""
        values = {"status": status, "version": 1, "number": None, "decided_on": None}

        async def change(session: AsyncSession) -> None:
            await session.execute(update(Placard).where(Placard.id == UUID(placard["id"])).values(values))
            await end_clocks(session, SYSTEM, UUID(placard["id"]), ("placard",), shanghai_today())

        self.world.in_database(change)
        return {**placard, "version": 1}

    def listed(self, who: Person | None = None, **params: Any) -> list[str]:
        shown = (who or self.chief).get(PLACARDS, params=params).json()["items"]
        return [one["id"] for one in shown]


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


def test_a_placard_is_proposed_by_an_officer_and_put_up_by_number_for_a_period(scene: Scene) -> None:
    proposed = scene.propose().json()
    assert (proposed["status"], proposed["number"], proposed["due_on"]) == ("proposed", None, None)
    decided = scene.step(scene.chief, proposed, "decide").json()
    due = str(shanghai_today() + timedelta(days=30))
    assert (decided["status"], decided["due_on"], decided["decided_by"]) == (
        "in_force",
        due,
        str(scene.chief.user_id),
    )
    assert "警示〔" in decided["number"]
    params = {"subject_id": decided["id"], "code": "placard"}
    (clock,) = scene.chief.get("/api/v1/clocks", params=params).json()["items"]
    assert (clock["due_on"], clock["amount"]) == (due, 30)
    shown = scene.chief.get(f"{PLACARDS}/{decided['id']}").json()
    assert [(one["action"], one["to_status"]) for one in shown["steps"]] == [
        ("propose", "proposed"),
        ("decide", "in_force"),
    ]
    assert "赵小四" not in str(shown)
    assert "token" not in str(shown)


@pytest.mark.parametrize(
    ("kind", "values", "missing"),
    [
        ("placard_warning", {"level": "general", "clause": None, "major_since": None}, "major"),
        ("placard_warning", {"due_on": shanghai_today() + timedelta(days=2)}, "overdue"),
        ("placard_warning", {"due_on": None}, "overdue"),
        ("supervised_listing", {"level": "general", "clause": None, "major_since": None}, "major"),
        ("supervised_listing", {"status": "reinspected"}, "open"),
        ("supervised_listing", {"status": "closed", "closed_on": shanghai_today()}, "open"),
    ],
)
def test_the_kind_s_conditions_must_hold(
    scene: Scene, kind: str, values: dict[str, Any], missing: str
) -> None:
    proposed = scene.propose(kind=kind).json()
    scene.put_hazard(**values)
    refused = scene.step(scene.chief, proposed, "decide")
    assert (refused.status_code, refused.json()["code"]) == (422, "placard_conditions")
    assert missing in refused.text
    assert scene.step(scene.chief, proposed, "refuse").status_code == 200
    assert scene.propose(kind=kind).json()["code"] == "placard_conditions"


def test_a_major_hazard_is_listed_before_it_is_overdue(scene: Scene) -> None:
    scene.put_hazard(due_on=shanghai_today() + timedelta(days=9))
    assert "督办〔" in scene.decided(kind="supervised_listing")["number"]


def test_a_hazard_has_one_placard_of_a_kind_at_a_time(scene: Scene) -> None:
    first = scene.decided()
    again = scene.propose()
    assert (again.status_code, again.json()["code"]) == (409, "placard_stands")
    assert scene.propose(kind="supervised_listing").status_code == 201
    assert scene.step(scene.chief, first, "withdraw").status_code == 200
    assert scene.propose().status_code == 201


def test_a_placard_is_removed_only_by_acceptance_and_otherwise_withdrawn_with_a_reason(scene: Scene) -> None:
    decided = scene.decided()
    early = scene.step(scene.chief, decided, "remove")
    assert (early.status_code, early.json()["code"]) == (409, "placard_not_accepted")
    silent = scene.chief.post(
        f"{PLACARDS}/{decided['id']}/withdrawal", json={"reason": " "}, version=decided["version"]
    )
    assert silent.status_code == 422
    scene.put_hazard(status="reinspected")
    removed = scene.step(scene.chief, decided, "remove").json()
    assert removed["status"] == "removed"
    params = {"subject_id": removed["id"], "code": "placard"}
    assert scene.chief.get("/api/v1/clocks", params=params).json()["items"] == []
    assert scene.step(scene.chief, removed, "withdraw").status_code == 409


def test_who_answers_is_of_the_enterprise_and_who_supervises_of_the_authority(scene: Scene) -> None:
    elsewhere = Scene(World(scene.world.client, scene.world.runtime, scene.world.in_database))
    for changes in (
        {"contact_id": str(elsewhere.contact)},
        {"supervisor_id": str(elsewhere.officer.user_id)},
    ):
        answer = scene.propose(**changes)
        assert (answer.status_code, answer.json()["code"]) == (422, "placard_persons")
    assert scene.propose(kind="demolish").json()["code"] == "placard_kind_unknown"


@pytest.mark.parametrize("kind", [one.code for one in placard_kinds()])
@pytest.mark.parametrize("level", ["city", "district", "town"])
@pytest.mark.parametrize("role", sorted(PERMISSIONS["hazards:govern"]))
def test_the_kind_names_who_decides_at_which_level(scene: Scene, kind: str, level: str, role: str) -> None:
    known = placard_kind(kind)
    assert known is not None
    proposed = scene.propose(kind=kind).json()
    decider = scene.world.person(role, region=getattr(scene.world, level))
    answer = scene.step(decider, proposed, "decide")
    if level in known.deciders.get(role, ()):
        assert answer.status_code == 200, answer.text
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "placard_decider")


def test_the_table_is_complete() -> None:
    assert set(TABLE) == STATES == {one.value for one in PlacardStatus}
    assert {action for steps in TABLE.values() for action in steps} == set(TRANSITIONS) == set(DOORS)
    for status, steps in TABLE.items():
        for action, row in TRANSITIONS.items():
            assert (row.target if status in row.sources else None) == steps.get(action)
    assert INITIAL in STANDING == {status for status, steps in TABLE.items() if steps}
    assert "placard" in {one.code for one in time_limits()}
    assert {one.taken_up_by for one in proposal_kinds()} & {one.code for one in placard_kinds()}


def test_every_state_step_and_role_through_the_door(scene: Scene) -> None:
    placard = scene.propose().json()
    people = {role: scene.world.person(role, region=scene.world.district) for role in Role}
    for status, steps in TABLE.items():
        for action, row in TRANSITIONS.items():
            scene.put_hazard(status="reinspected" if action == "remove" else "ordered")
            for role, person in people.items():
                answer = scene.step(person, scene.put(placard, status), action)
                allowed = role in PERMISSIONS[row.permission]
                wanted = 403 if not allowed else 200 if action in steps else 409
                assert answer.status_code == wanted, (status, action, role, answer.text)
                if wanted == 200:
                    assert answer.json()["status"] == steps[action]
                elif wanted == 409:
                    assert answer.json()["code"] == "placard_state"


@pytest.mark.parametrize(
    "role", [role for role in Role if role not in PERMISSIONS["hazards:propose_placard"]]
)
def test_whoever_may_not_propose_does_not(scene: Scene, role: Role) -> None:
    assert scene.propose(scene.world.person(role, region=scene.world.town)).status_code == 403


@pytest.mark.parametrize("role", sorted(PERMISSIONS["hazards:read"]))
def test_another_town_s_placard_is_not_found(scene: Scene, role: str) -> None:
    placard = scene.propose().json()
    abroad = scene.world.person(role, region=scene.world.other_town)
    assert scene.listed(abroad) == []
    assert abroad.get(f"{PLACARDS}/{placard['id']}").status_code == 404
    assert scene.propose(abroad).status_code == (
        404 if role in PERMISSIONS["hazards:propose_placard"] else 403
    )
    for action, row in TRANSITIONS.items():
        wanted = 404 if role in PERMISSIONS[row.permission] else 403
        assert scene.step(abroad, placard, action).status_code == wanted


def test_only_the_version_that_was_read_is_changed(scene: Scene) -> None:
    placard = scene.propose().json()
    assert scene.step(scene.chief, {**placard, "version": 7}, "decide").status_code == 412
    path = f"{PLACARDS}/{placard['id']}/decision"
    assert scene.chief.post(path, json={"reason": "情况属实"}).status_code == 428


def test_whom_a_placard_names_as_the_one_who_answers_is_not_erased(scene: Scene) -> None:
    address = f"/api/v1/enterprises/{scene.docket.field.enterprise_id}/contacts/{scene.contact}"
    assert scene.propose().status_code == 201
    refused = scene.officer.delete(address, version=1)
    assert (refused.status_code, refused.json()["code"]) == (409, "contact_named")
    assert scene.officer.get(address).status_code == 200


def test_of_naming_and_erasing_at_once_one_is_told(scene: Scene) -> None:
    address = f"/api/v1/enterprises/{scene.docket.field.enterprise_id}/contacts/{scene.contact}"
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(scene.propose), pool.submit(scene.officer.delete, address, version=1)]
        proposed, erased = (one.result() for one in asked)
    assert (proposed.status_code, erased.status_code) in ((201, 409), (422, 204))


def test_placards_are_listed_by_kind_state_and_region_in_few_statements(
    scene: Scene, runtime: Runtime
) -> None:
    first, second = scene.decided(), scene.propose(kind="supervised_listing").json()
    assert scene.listed() == [second["id"], first["id"]]
    assert scene.listed(status="in_force") == scene.listed(kind="placard_warning") == [first["id"]]
    assert scene.listed(region_id=str(scene.world.other_town)) == []
    with recorded_queries(runtime.database) as few:
        scene.chief.get(PLACARDS, params={"limit": 1})
    with recorded_queries(runtime.database) as many:
        scene.chief.get(PLACARDS)
    assert len(few) == len(many)


def test_an_overdue_major_hazard_is_proposed_for_a_warning_and_the_decision_takes_it_up(scene: Scene) -> None:
    async def overdue(session: AsyncSession) -> None:
        subject = Subject("hazard", scene.hazard, scene.world.authority, scene.world.town)
        began = shanghai_today() - timedelta(days=11)
        await start_clock(session, SYSTEM, subject, "rectification", began, amount=10)

    scene.world.in_database(overdue)
    while scene.world.in_database(propose_for_overdue):
        pass
    params = {"hazard_id": str(scene.hazard), "kind": "placard_warning"}

    def proposal() -> dict[str, Any]:
        (one,) = scene.chief.get("/api/v1/hazard-proposals", params=params).json()["items"]
        return dict(one)

    assert proposal()["status"] == "open"
    decided = scene.decided()
    assert (proposal()["status"], proposal()["object_id"]) == ("taken_up", decided["id"])


def test_no_warning_is_proposed_where_one_stands(scene: Scene) -> None:
    scene.decided()

    async def overdue(session: AsyncSession) -> int:
        subject = Subject("hazard", scene.hazard, scene.world.authority, scene.world.town)
        began = shanghai_today() - timedelta(days=11)
        await start_clock(session, SYSTEM, subject, "rectification", began, amount=10)
        return await propose_for_overdue(session)

    scene.world.in_database(overdue)
    listed = scene.chief.get("/api/v1/hazard-proposals", params={"hazard_id": str(scene.hazard)}).json()[
        "items"
    ]
    assert "placard_warning" not in {one["kind"] for one in listed}
    assert listed
