"""An on-site measure: oral first when it is urgent, in writing in time, reviewed on site, lifted by somebody else."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import SHANGHAI, shanghai_today, standing_at, utc_now
from app.core.ids import new_id
from app.enums.hazards import MeasureStatus
from app.enums.identity import Role
from app.models.hazards import Hazard
from app.models.measures import OnsiteMeasure
from app.services.clocks.content import time_limit, time_limits
from app.services.hazards.content import ends_by, measure_kinds
from app.services.hazards.measure_workflow import IN_FORCE, INITIAL, STATES, TRANSITIONS
from app.services.hazards.proposing import start_rechecks
from app.services.identity.policy import PERMISSIONS
from app.services.runtime import Runtime
from tests.factories.cases import Docket
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries

PATH = "/api/v1/onsite-measures"
DOORS = {
    "decide": "decision",
    "withdraw": "withdrawal",
    "request_lifting": "lifting-request",
    "pass_review": "review",
    "fail_review": "review",
    "lift": "lifting",
    "refuse_lifting": "lifting-refusal",
    "revoke": "revocation",
    "conclude": "conclusion",
}
TABLE: dict[str, dict[str, str]] = {
    "ordered_orally": {"decide": "decided", "withdraw": "withdrawn"},
    "decided": {"request_lifting": "lifting_requested", "revoke": "revoked", "conclude": "lifted"},
    "lifting_requested": {"pass_review": "reviewed", "fail_review": "decided", "revoke": "revoked"},
    "reviewed": {"lift": "lifted", "refuse_lifting": "decided", "revoke": "revoked", "conclude": "lifted"},
    "lifted": {},
    "withdrawn": {},
    "revoked": {},
}
"""Written down a second time on purpose."""


class Scene:
    """A site with one hazard, two officers on it, and the person in charge."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.docket = Docket(world)
        self.field, self.chief = self.docket.field, self.docket.chief
        self.officers = [world.person("inspector", region=world.town) for _ in range(2)]
        self.phone = self.field.phone(self.officers[0].user_id)
        self.hazard = self.docket.hazard()

    def content(self, **changes: Any) -> dict[str, Any]:
        return {
            "kinds": ["evacuate", "stop_use"],
            "place": "喷涂车间及RTO装置",
            "ground": "可燃气体浓度超限，排除前无法保证安全",
            "hazard_ids": [str(self.hazard)],
            **changes,
        }

    def request(self, **changes: Any) -> dict[str, Any]:
        return {
            **self.content(),
            "site_id": str(self.field.site_id),
            "authority_id": str(self.world.authority),
            "officer_ids": [str(one.user_id) for one in self.officers],
            **changes,
        }

    def oral(self, who: Person | None = None, **changes: Any) -> Any:
        body = {**self.request(hazard_ids=[]), "ordered_at": utc_now().isoformat(), **changes}
        return (who or self.officers[0]).post(f"{PATH}/oral", json=body)

    def written(self, who: Person | None = None, **changes: Any) -> Any:
        return (who or self.officers[0]).post(PATH, json=self.request(**changes))

    def step(self, who: Person, measure: dict[str, Any], action: str, **changes: Any) -> Any:
        body: dict[str, Any] = {"reason": "情况属实"}
        if action == "decide":
            body = self.content()
        elif action == "request_lifting":
            body["ground"] = "request"
        elif action == "revoke":
            body["ground"] = "own_finding"
        elif action in ("pass_review", "fail_review"):
            body |= {"visit_id": str(self.field.visit_id), "is_safe": action == "pass_review"}
        path = f"{PATH}/{measure['id']}/{DOORS[action]}"
        return who.post(path, json=body | changes, version=measure["version"])

    def visit(self, kind: str = "reinspection", **changes: Any) -> None:
        """The officers go there again."""
        self.field.visit_id = new_id()
        ids = [officer.user_id for officer in self.officers]
        document = {**self.field.document(self.field.publish("rto"), ids, kind=kind), **changes}
        answer = self.phone.put_package(self.phone.seal(document, []))
        assert answer.status_code == 201, answer.text

    def shown(self, measure: dict[str, Any]) -> dict[str, Any]:
        return dict(self.officers[0].get(f"{PATH}/{measure['id']}").json())

    def clocks(self, measure: dict[str, Any]) -> dict[str, dict[str, Any]]:
        return {one["code"]: one for one in self.shown(measure)["clocks"]}

    def set_hazard(self, **values: Any) -> None:
        async def change(session: AsyncSession) -> None:
            await session.execute(update(Hazard).where(Hazard.id == self.hazard).values(**values))

        self.world.in_database(change)

    def put(self, measure: dict[str, Any], status: str, *kinds: str) -> dict[str, Any]:
        """The measure, in that state, decided today, of other kinds if told."""
        identifier = UUID(measure["id"])

        async def change(session: AsyncSession) -> None:
            values = {
                "status": status,
                "version": 1,
                "kinds": list(kinds) or measure["kinds"],
                "number": None if status == "ordered_orally" else f"安应急现决〔2026〕{identifier.hex}号",
                "decided_on": None if status == "ordered_orally" else shanghai_today(),
            }
            await session.execute(update(OnsiteMeasure).where(OnsiteMeasure.id == identifier).values(values))
            await session.execute(
                text("UPDATE clocks SET ended_on = current_date WHERE subject_id = :id"), {"id": identifier}
            )

        self.world.in_database(change)
        return {**measure, "version": 1}


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


def test_an_urgent_measure_is_written_reviewed_and_lifted(scene: Scene) -> None:
    officer, chief = scene.officers[0], scene.chief
    measure = scene.oral().json()
    assert (measure["status"], measure["number"], measure["is_oral_first"]) == ("ordered_orally", None, True)
    measure = scene.step(officer, measure, "decide").json()
    assert measure["number"].startswith(f"安应急现决〔{shanghai_today().year}〕")
    measure = scene.step(officer, measure, "request_lifting").json()
    scene.visit()
    measure = scene.step(officer, measure, "pass_review").json()
    measure = scene.step(chief, measure, "lift").json()
    assert measure["status"] == "lifted"
    detail = scene.shown(measure)
    assert [row["action"] for row in detail["steps"]] == [
        "order_orally", "decide", "request_lifting", "pass_review", "lift",
    ]  # fmt: skip
    assert detail["steps"][3]["visit_id"] == str(scene.field.visit_id)
    assert [one["id"] for one in detail["hazards"]] == [str(scene.hazard)]
    assert {one["user_id"] for one in detail["officers"]} == {str(one.user_id) for one in scene.officers}
    assert {one["code"] for one in detail["clocks"] if one["ended_on"]} == {
        "measure_in_writing", "onsite_measure", "recheck",
    }  # fmt: skip


@pytest.mark.parametrize(("minutes", "overdue"), [(-1, False), (0, False), (1, True)])
def test_an_oral_measure_must_be_in_writing_within_the_hours_set(
    scene: Scene, minutes: int, overdue: bool
) -> None:
    limit = time_limit("measure_in_writing", shanghai_today())
    assert (limit.amount, limit.unit, limit.set_by, limit.to_be_confirmed) == (24, "hour", "authority", True)
    began = utc_now().replace(microsecond=0)
    measure = scene.oral(ordered_at=began.isoformat()).json()
    assert scene.clocks(measure)["measure_in_writing"]["to_be_confirmed"] is True
    with standing_at(began + timedelta(hours=24, minutes=minutes)):
        scene.officers[0] = scene.world.logged_in(scene.officers[0].user_id)
        assert scene.clocks(measure)["measure_in_writing"]["is_overdue"] is overdue
        late = scene.step(scene.officers[0], measure, "decide")
    assert late.status_code == 200, "late is written down, not lost"


def test_an_authority_s_own_hours_hold_once_it_has_set_them(scene: Scene) -> None:
    setting = {
        "authority_id": str(scene.world.authority), "code": "measure_in_writing", "amount": 2, "unit": "working_day",
        "basis": "本局执法程序规定", "in_force_from": "2026-01-01",
    }  # fmt: skip
    answer = scene.world.person("administrator").post("/api/v1/clocks/limits", json=setting)
    assert answer.status_code == 201, answer.text
    clock = scene.clocks(scene.oral().json())["measure_in_writing"]
    assert (clock["amount"], clock["unit"], clock["to_be_confirmed"]) == (2, "working_day", False)


@pytest.mark.parametrize(
    ("kinds", "lasting"),
    [(["eliminate_now"], set()), (["evacuate"], set()), (["suspend_business"], {"onsite_measure"})],
)
def test_what_stops_production_or_use_has_a_longest_time(
    scene: Scene, kinds: list[str], lasting: set[str]
) -> None:
    measure = scene.written(kinds=kinds).json()
    assert (measure["status"], measure["is_oral_first"]) == ("decided", False)
    assert set(scene.clocks(measure)) == lasting
    if lasting:
        assert scene.clocks(measure)["onsite_measure"]["amount"] == 6


@pytest.mark.parametrize(
    ("kinds", "months", "amount"),
    [
        (["stop_use"], None, 6), (["stop_use"], 1, 1), (["stop_use", "evacuate"], 6, 6), (["stop_use"], 7, None),
        (["evacuate"], 1, None),
    ],
)  # fmt: skip
def test_a_decision_states_a_period_no_longer_than_the_law_allows(
    scene: Scene, kinds: list[str], months: int | None, amount: int | None
) -> None:
    oral = scene.oral(kinds=kinds).json()
    for answer in (
        scene.written(kinds=kinds, months=months),
        scene.step(scene.officers[0], oral, "decide", kinds=kinds, months=months),
    ):
        if amount is None:
            assert (answer.status_code, answer.json()["code"]) == (422, "measure_period")
        else:
            clock = scene.clocks(answer.json())["onsite_measure"]
            assert (clock["amount"], clock["unit"], clock["to_be_confirmed"]) == (amount, "month", True)


def test_a_review_that_fails_leaves_the_measure_in_force(scene: Scene) -> None:
    officer = scene.officers[0]
    measure = scene.step(officer, scene.written().json(), "request_lifting").json()
    scene.visit()
    measure = scene.step(officer, measure, "fail_review").json()
    assert measure["status"] == "decided"
    clocks = scene.clocks(measure)
    assert (clocks["recheck"]["ended_on"], clocks["onsite_measure"]["ended_on"]) == (
        str(shanghai_today()),
        None,
    )
    again = scene.step(officer, measure, "request_lifting", ground="own_motion")
    assert again.json()["status"] == "lifting_requested"


@pytest.mark.parametrize("flaw", ["inspection", "elsewhere", "before the decision", "one officer"])
def test_a_review_is_a_certified_reinspection_of_the_site_after_the_decision(scene: Scene, flaw: str) -> None:
    officer = scene.officers[0]
    measure = scene.step(officer, scene.written().json(), "request_lifting").json()
    if flaw == "elsewhere":
        other = Scene(scene.world)
        other.visit()
        scene.field.visit_id = other.field.visit_id
    elif flaw == "before the decision":
        scene.visit(legal_date=(shanghai_today() - timedelta(days=1)).isoformat())
    elif flaw == "one officer":
        scene.visit(officers=[str(officer.user_id)])
    else:
        scene.visit(flaw)
    answer = scene.step(officer, measure, "pass_review")
    assert (answer.status_code, answer.json()["code"]) == (422, "measure_review_visit")


@pytest.mark.parametrize(
    ("level", "status", "lifted"),
    [
        ("major", "found", False), ("major", "ordered", False), ("major", "rectified", False),
        ("major", "reinspected", True), ("major", "closed", True), ("general", "found", True),
    ],
)  # fmt: skip
def test_work_goes_on_only_once_the_major_hazards_are_found_rectified(
    scene: Scene, level: str, status: str, lifted: bool
) -> None:
    officer = scene.officers[0]
    measure = scene.step(officer, scene.written().json(), "request_lifting").json()
    scene.visit()
    measure = scene.step(officer, measure, "pass_review").json()
    major = {"clause": "MEM10-7-5", "major_since": shanghai_today()} if level == "major" else {}
    closed = {"closed_on": shanghai_today()} if status == "closed" else {}
    scene.set_hazard(level=level, status=status, **major, **closed)
    answer = scene.step(scene.chief, measure, "lift")
    assert answer.status_code == (200 if lifted else 409), answer.text
    if not lifted:
        assert answer.json()["code"] == "measure_hazards_open"


def test_a_measure_whose_time_is_over_must_be_re_inspected_without_being_asked_for(scene: Scene) -> None:
    measure = scene.written(months=1).json()
    over = date.fromisoformat(scene.clocks(measure)["onsite_measure"]["due_on"])
    for days in (0, 1, 2):
        with standing_at(datetime.combine(over + timedelta(days=days), time(12), SHANGHAI)):
            while scene.world.in_database(start_rechecks):
                pass
            scene.officers[0] = scene.world.logged_in(scene.officers[0].user_id)
            clocks = scene.clocks(measure)
            assert ("recheck" in clocks) is (days > 0)
    assert clocks["recheck"]["due_on"] == str(over + timedelta(days=10))
    with standing_at(datetime.combine(over + timedelta(days=3), time(12), SHANGHAI)):
        officer = scene.world.logged_in(scene.officers[0].user_id)
        asked = scene.step(officer, measure, "request_lifting", ground="expired")
        assert asked.json()["status"] == "lifting_requested", asked.text
        scene.officers[0] = officer
        (recheck,) = (one for one in scene.shown(measure)["clocks"] if one["code"] == "recheck")
        assert (recheck["id"], recheck["ended_on"]) == (clocks["recheck"]["id"], None)


def test_a_wrong_decision_is_revoked_with_its_ground_and_its_clocks_end(scene: Scene) -> None:
    officer = scene.officers[0]
    measure = scene.step(officer, scene.written().json(), "request_lifting").json()
    major = {"clause": "MEM10-7-5", "major_since": shanghai_today()}
    scene.set_hazard(level="major", **major)  # nothing is rectified, and nothing need be
    for lacking in ({"reason": ""}, {"ground": "expired"}, {"ground": None}):
        assert scene.step(scene.chief, measure, "revoke", **lacking).status_code == 422
    assert {code for code, one in scene.clocks(measure).items() if not one["ended_on"]} == {
        "onsite_measure",
        "recheck",
    }
    measure = scene.step(scene.chief, measure, "revoke", ground="judgment", reason="行政判决撤销").json()
    assert measure["status"] == "revoked"
    assert all(one["ended_on"] == str(shanghai_today()) for one in scene.clocks(measure).values())
    step = scene.shown(measure)["steps"][-1]
    assert (step["from_status"], step["ground"], step["note"]) == (
        "lifting_requested",
        "judgment",
        "行政判决撤销",
    )
    assert scene.chief.get(PATH, params={"in_force": True}).json()["items"] == []


def test_who_ordered_it_writes_it_and_who_did_not_lifts_it(scene: Scene) -> None:
    stranger = scene.world.person("inspector", region=scene.world.town)
    measure = scene.oral().json()
    refused = scene.step(stranger, measure, "decide")
    assert (refused.status_code, refused.json()["code"]) == (403, "measure_person")
    both = scene.world.person("inspector", "approver", region=scene.world.town)
    pair = [str(scene.officers[0].user_id), str(both.user_id)]
    own = scene.oral(both, officer_ids=pair).json()
    refused = scene.step(both, own, "withdraw")
    assert (refused.status_code, refused.json()["code"]) == (403, "measure_person")
    assert scene.step(scene.chief, own, "withdraw").json()["status"] == "withdrawn"
    own = scene.written(both, officer_ids=pair).json()
    refused = scene.step(both, own, "revoke")
    assert (refused.status_code, refused.json()["code"]) == (403, "measure_person")
    assert scene.step(scene.chief, own, "revoke").json()["status"] == "revoked"


@pytest.mark.parametrize(
    "flaw", ["alone", "without the writer", "an assistant", "another authority", "expired"]
)
def test_two_certified_officers_of_the_authority_order_a_measure(scene: Scene, flaw: str) -> None:
    first, second = (str(one.user_id) for one in scene.officers)
    long_past = (shanghai_today() - timedelta(days=9), shanghai_today() - timedelta(days=1))
    elsewhere = World(scene.world.client, scene.world.runtime, scene.world.in_database)
    team = {
        "alone": lambda: [first, first],
        "without the writer": lambda: [second, str(scene.world.person("inspector").user_id)],
        "an assistant": lambda: [first, str(scene.world.person("safety_assistant", certificate=True).user_id)],
        "another authority": lambda: [first, str(elsewhere.person("inspector").user_id)],
        "expired": lambda: [first, str(scene.world.person("inspector", certificate=long_past).user_id)],
    }[flaw]()  # fmt: skip
    for answer in (scene.oral(officer_ids=team), scene.written(officer_ids=team)):
        assert (answer.status_code, answer.json()["code"]) == (422, "measure_officers")


def test_a_written_decision_names_open_hazards_of_its_site_and_known_kinds(scene: Scene) -> None:
    foreign = str(Scene(scene.world).hazard)
    answer = scene.written(hazard_ids=[foreign])
    assert (answer.status_code, answer.json()["code"]) == (422, "measure_hazards")
    oral = scene.oral().json()
    answer = scene.step(scene.officers[0], oral, "decide", hazard_ids=[foreign])
    assert (answer.status_code, answer.json()["code"]) == (422, "measure_hazards")
    scene.set_hazard(status="closed", closed_on=shanghai_today())
    assert scene.written().status_code == 422
    unknown = scene.oral(kinds=["demolish"])
    assert (unknown.status_code, unknown.json()["code"]) == (422, "measure_kind_unknown")
    early = scene.oral(ordered_at=(utc_now() + timedelta(minutes=5)).isoformat())
    assert (early.status_code, early.json()["code"]) == (422, "measure_time")


def test_a_measure_for_major_hazards_says_when_none_is_confirmed_yet(scene: Scene) -> None:
    measure = scene.written().json()
    assert scene.shown(measure)["lacks_major"] is True
    scene.set_hazard(level="major", clause="MEM10-7-5", major_since=shanghai_today())
    assert scene.shown(measure)["lacks_major"] is False
    assert scene.shown(scene.written(kinds=["eliminate_now"]).json())["lacks_major"] is False


def test_every_kind_has_its_article_and_a_known_limit(scene: Scene) -> None:
    kinds = {one.code: one for one in measure_kinds()}
    assert set(kinds) == {"eliminate_now", "evacuate", "suspend_business", "stop_use"}
    known = {one.code for one in time_limits()}
    assert {one.limit for one in kinds.values() if one.limit} <= known
    assert all(one.basis.zh.startswith("安全生产法第六十五条") for one in kinds.values())
    shown = scene.officers[0].get(f"{PATH}/kinds").json()
    assert [one["code"] for one in shown] == list(kinds)


def test_the_table_is_the_one_of_the_procedure() -> None:
    assert set(TABLE) == STATES == {one.value for one in MeasureStatus}
    assert {action for steps in TABLE.values() for action in steps} == set(TRANSITIONS) == set(DOORS)
    for status, steps in TABLE.items():
        for action, row in TRANSITIONS.items():
            assert (row.target if status in row.sources else None) == steps.get(action)
    assert set(INITIAL) <= IN_FORCE == {status for status, steps in TABLE.items() if steps}
    known = {one.code for one in time_limits()}
    for row in TRANSITIONS.values():
        assert set(row.starts) | set(row.ends) <= known
        assert row.article.startswith("安全生产法 65(1)(三)")


def test_every_state_step_and_role_through_the_door(scene: Scene) -> None:
    measure = scene.oral(hazard_ids=[str(scene.hazard)]).json()
    scene.set_hazard(status="reinspected")
    scene.visit()
    people = {role: scene.world.person(role, region=scene.world.town) for role in Role}
    people[Role.INSPECTOR] = scene.officers[0]
    for status, steps in TABLE.items():
        for action, row in TRANSITIONS.items():
            for role, person in people.items():
                kinds = ["eliminate_now"] if action == "conclude" else []
                answer = scene.step(person, scene.put(measure, status, *kinds), action)
                allowed = role in PERMISSIONS[row.permission]
                wanted = 403 if not allowed else 200 if action in steps else 409
                assert answer.status_code == wanted, (status, action, role, answer.text)
                if wanted == 200:
                    assert answer.json()["status"] == steps[action]
                elif wanted == 409:
                    assert answer.json()["code"] == "measure_state"


ENDS = {
    "eliminate_now": "removal",
    "evacuate": "review",
    "suspend_business": "agreement",
    "stop_use": "agreement",
}


def test_what_it_takes_until_a_measure_is_over_is_told_of_each_kind(scene: Scene) -> None:
    shown = scene.officers[0].get(f"{PATH}/kinds").json()
    assert {one["code"]: one["ends_by"] for one in shown} == ENDS
    assert [one["code"] for one in shown if one["ends_to_be_confirmed"]] == ["evacuate"]
    assert all(one["ends_basis_zh"] and one["ends_basis_en"] for one in shown)
    assert ends_by(["eliminate_now", "what_is_no_longer_held"]) == "agreement"


@pytest.mark.parametrize("state", ["decided", "reviewed"])
@pytest.mark.parametrize(
    "kinds", [("eliminate_now",), ("evacuate",), ("suspend_business",), ("eliminate_now", "stop_use")]
)
def test_a_measure_is_over_without_the_review_or_the_agreement_that_none_of_its_kinds_asks_for(
    scene: Scene, state: str, kinds: tuple[str, ...]
) -> None:
    measure = scene.put(scene.written().json(), state, *kinds)
    scene.set_hazard(status="reinspected")
    answer = scene.step(scene.officers[0], measure, "conclude")
    strictest = {ENDS[one] for one in kinds}
    may = strictest <= ({"removal"} if state == "decided" else {"removal", "review"})
    if may:
        assert (answer.status_code, answer.json()["status"]) == (200, "lifted")
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "measure_review_needed")
        assert scene.shown(measure)["status"] == state


@pytest.mark.parametrize("level", ["major", "general"])
@pytest.mark.parametrize(
    ("status", "over"),
    [("found", False), ("ordered", False), ("rectified", False), ("reinspected", True), ("closed", True)],
)
def test_no_measure_is_over_by_removal_before_every_hazard_was_found_rectified(
    scene: Scene, level: str, status: str, over: bool
) -> None:
    removed, scene.hazard = scene.hazard, scene.docket.hazard()  # one of two is removed, what of the other
    both = [str(removed), str(scene.hazard)]
    measure = scene.written(kinds=["eliminate_now"], hazard_ids=both).json()
    other = scene.hazard
    scene.hazard = removed
    scene.set_hazard(status="reinspected")
    scene.hazard = other
    major = {"clause": "MEM10-7-5", "major_since": shanghai_today()} if level == "major" else {}
    closed = {"closed_on": shanghai_today()} if status == "closed" else {}
    scene.set_hazard(level=level, status=status, **major, **closed)
    answer = scene.step(scene.officers[0], measure, "conclude")
    if over:
        assert (answer.status_code, answer.json()["status"]) == (200, "lifted")
        return
    assert (answer.status_code, answer.json()["code"]) == (409, "measure_hazards_open")
    number = scene.officers[0].get(f"/api/v1/hazards/{other}").json()["number"]
    assert answer.json()["hazards"] == number
    assert scene.shown(measure)["status"] == "decided"


def test_only_the_version_that_was_read_is_changed(scene: Scene) -> None:
    measure = scene.written().json()
    officer = scene.officers[0]
    assert scene.step(officer, {**measure, "version": 7}, "request_lifting").status_code == 412
    path = f"{PATH}/{measure['id']}/lifting-request"
    assert officer.post(path, json={"ground": "request", "reason": "已整改"}).status_code == 428


@pytest.mark.parametrize("role", [role for role in Role if role not in PERMISSIONS["hazards:measure"]])
def test_only_an_inspector_orders_a_measure(scene: Scene, role: Role) -> None:
    person = scene.world.person(role, region=scene.world.town)
    assert scene.oral(person).status_code == scene.written(person).status_code == 403


@pytest.mark.parametrize("role", sorted(PERMISSIONS["hazards:read"]))
def test_another_town_s_measure_is_not_found(scene: Scene, role: str) -> None:
    measure = scene.oral().json()
    abroad = scene.world.person(role, region=scene.world.other_town)
    assert abroad.get(PATH).json()["items"] == []
    assert abroad.get(f"{PATH}/{measure['id']}").status_code == 404
    may = role in PERMISSIONS["hazards:measure"]
    assert scene.oral(abroad).status_code == (404 if may else 403)
    for action, row in TRANSITIONS.items():
        wanted = 404 if role in PERMISSIONS[row.permission] else 403
        assert scene.step(abroad, measure, action).status_code == wanted


def test_measures_are_listed_by_state_site_hazard_and_region(scene: Scene, runtime: Runtime) -> None:
    oral, written = scene.oral().json(), scene.written().json()
    other = Scene(scene.world)
    third = other.written().json()
    scene.step(scene.chief, oral, "withdraw")

    def listed(**params: Any) -> list[str]:
        return [row["id"] for row in scene.chief.get(PATH, params=params).json()["items"]]

    assert listed() == [third["id"], written["id"], oral["id"]]
    assert listed(in_force=True) == [third["id"], written["id"]]
    assert listed(in_force=False) == listed(status="withdrawn") == [oral["id"]]
    assert listed(hazard_id=str(other.hazard)) == listed(site_id=str(other.field.site_id)) == [third["id"]]
    assert listed(region_id=str(scene.world.other_town)) == []
    with recorded_queries(runtime.database) as few:
        scene.chief.get(PATH, params={"limit": 1})
    with recorded_queries(runtime.database) as many:
        scene.chief.get(PATH)
    assert len(few) == len(many) <= 5


def test_the_history_of_a_measure_cannot_be_rewritten(scene: Scene) -> None:
    scene.oral()

    async def rewrite(session: AsyncSession) -> None:
        await session.execute(text("UPDATE onsite_measure_steps SET note = 'x'"))

    with pytest.raises(DBAPIError, match="append-only"):
        scene.world.in_database(rewrite)
