"""From a finding on site to a closed hazard, by those who may, in their regions."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import SHANGHAI, shanghai_today, standing_at
from app.core.ids import new_id
from app.models.hazards import Hazard
from app.services.hazards.content import registry_settings
from app.services.hazards.workflow import STATES, TRANSITIONS, is_overdue
from app.services.runtime import Runtime
from tests.factories.field import Field, photo
from tests.factories.orders import order, ordered
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries

PATH = "/api/v1/hazards"
BAD = {"RTO-01": {"value": "no"}, "RTO-02": {"value": "no"}}


class Case:
    """One visit that found two hazards."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.field = Field(world)
        self.officers = [world.person("inspector", region=world.town) for _ in range(2)]
        self.phone = self.field.phone(self.officers[0].user_id)
        self.picture = photo(question="RTO-01")
        self.submit()

    def submit(self, **changes: Any) -> Any:
        ids = [officer.user_id for officer in self.officers]
        document = {**self.field.document(self.field.publish("rto"), ids, answers=BAD), **changes}
        answer = self.phone.put_package(self.phone.seal(document, [self.picture]))
        assert answer.status_code == 201, answer.text
        return answer.json()

    def hazards(self, **params: Any) -> list[dict[str, Any]]:
        return list(self.officers[0].get(PATH, params=params).json()["items"])


@pytest.fixture
def case(world: World) -> Case:
    return Case(world)


def step(person: Person, hazard: dict[str, Any], name: str, body: dict[str, Any]) -> Any:
    return person.post(f"{PATH}/{hazard['id']}/{name}", version=hazard["version"], json=body)


def test_findings_enter_the_registry_with_gapless_numbers_and_their_photographs(case: Case) -> None:
    hazards = sorted(case.hazards(), key=lambda row: row["item_code"])
    year = shanghai_today().year
    assert {row["number"] for row in hazards} == {f"安应急患〔{year}〕{n}号" for n in (1, 2)}
    assert [(row["item_code"], row["status"], row["level"]) for row in hazards] == [
        ("RTO-01", "found", "general"), ("RTO-02", "found", "general"),
    ]  # fmt: skip
    assert hazards[0]["evidence_ids"] == [str(case.picture.id)]


def test_a_hazard_is_ordered_rectified_reinspected_and_closed(case: Case, world: World) -> None:
    officer, chief = case.officers[0], world.person("approver")
    (hazard, _) = case.hazards()
    hazard = ordered(case.officers, hazard)
    assert hazard["status"] == "ordered"
    done = {"note": "已整改", "evidence_ids": [str(new_id())]}
    hazard = step(officer, hazard, "rectification", done).json()
    case.field.visit_id = new_id()
    case.submit(kind="reinspection", answers={})
    found = {"visit_id": str(case.field.visit_id), "is_rectified": True}
    hazard = step(officer, hazard, "reinspection", found).json()
    assert step(officer, hazard, "closure", {}).status_code == 403
    assert step(chief, hazard, "closure", {}).json()["status"] == "closed"
    detail = officer.get(f"{PATH}/{hazard['id']}").json()
    assert [row["to_status"] for row in detail["steps"]] == [
        "found", "ordered", "rectified", "reinspected", "closed",
    ]  # fmt: skip
    assert detail["orders"][0]["number"].startswith("安应急责改〔")


def test_a_failed_reinspection_sends_it_back_with_the_same_deadline(case: Case) -> None:
    officer = case.officers[0]
    hazard = ordered(case.officers, case.hazards()[0])
    case.field.visit_id = new_id()
    case.submit(kind="reinspection", answers={})
    body = {"visit_id": str(case.field.visit_id), "is_rectified": False, "note": "未整改"}
    again = step(officer, hazard, "reinspection", body).json()
    assert (again["status"], again["due_on"]) == ("ordered", hazard["due_on"])


@pytest.mark.parametrize(
    ("said", "found", "status"),
    [
        ({"is_rectified": True, "outcome": "resolved"}, "resolved", "reinspected"),
        ({"is_rectified": False, "outcome": "unchanged"}, "unchanged", "ordered"),
        ({"is_rectified": False, "outcome": "aggravated"}, "aggravated", "ordered"),
        ({"is_rectified": False}, "unchanged", "ordered"),
    ],
)
def test_the_console_records_each_outcome_of_a_reinspection(
    case: Case, said: dict[str, Any], found: str, status: str
) -> None:
    officer = case.officers[0]
    hazard = ordered(case.officers, case.hazards()[0])
    case.field.visit_id = new_id()
    case.submit(kind="reinspection", answers={})
    done = step(officer, hazard, "reinspection", {"visit_id": str(case.field.visit_id), **said})
    assert (done.status_code, done.json()["status"]) == (200, status), done.text
    (told,) = officer.get(f"{PATH}/{hazard['id']}").json()["reinspections"]
    assert told["outcome"] == found


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"is_rectified": True, "outcome": "aggravated"}, "reinspection_outcome"),
        ({"is_rectified": True, "outcome": "unchanged"}, "reinspection_outcome"),
        ({"is_rectified": False, "outcome": "resolved"}, "reinspection_outcome"),
        ({"is_rectified": False, "outcome": "halved"}, "invalid"),
    ],
)
def test_the_console_refuses_an_outcome_that_contradicts_itself(
    case: Case, said: dict[str, Any], code: str
) -> None:
    officer = case.officers[0]
    hazard = ordered(case.officers, case.hazards()[0])
    case.field.visit_id = new_id()
    case.submit(kind="reinspection", answers={})
    refused = step(officer, hazard, "reinspection", {"visit_id": str(case.field.visit_id), **said})
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
    shown = officer.get(f"{PATH}/{hazard['id']}").json()
    assert (shown["version"], shown["status"], shown["reinspections"]) == (hazard["version"], "ordered", [])


def test_a_reinspection_is_a_visit_of_that_kind_to_that_site(case: Case) -> None:
    hazard = ordered(case.officers, case.hazards()[0])
    body = {"visit_id": str(case.field.visit_id), "is_rectified": True}
    answer = step(case.officers[0], hazard, "reinspection", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "reinspection_visit")
    unknown = step(case.officers[0], hazard, "reinspection", {**body, "visit_id": str(new_id())})
    assert unknown.status_code == 404


@pytest.mark.parametrize("flaw", ["before the order", "in the future", "one officer alone", "replaced"])
def test_a_reinspection_counts_on_or_after_the_order_by_two_certified_officers(case: Case, flaw: str) -> None:
    hazard = ordered(case.officers, case.hazards()[0])
    case.field.visit_id = new_id()
    days = {"before the order": -1, "in the future": 1}.get(flaw, 0)
    alone = [str(case.officers[0].user_id)]
    document = {
        "kind": "reinspection",
        "answers": {},
        "legal_date": (shanghai_today() + timedelta(days=days)).isoformat(),
    }
    first = case.submit(**document, **({"officers": alone} if flaw == "one officer alone" else {}))
    if flaw == "replaced":
        case.picture = photo()
        replaces = {"id": first["id"], "reason": "我一个人去的"}
        case.submit(**document, officers=alone, supersedes=replaces)
    body = {"visit_id": str(case.field.visit_id), "is_rectified": True}
    answer = step(case.officers[0], hazard, "reinspection", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "reinspection_visit")


@pytest.mark.parametrize(
    ("today", "days", "kind", "due"),
    [
        ("2026-09-24", 5, "working", "2026-10-09"),
        ("2026-02-12", 7, "working", "2026-02-28"),
        ("2026-11-02", 90, "calendar", "2027-01-31"),
        ("2026-12-29", 5, "working", None),
    ],
)
def test_a_deadline_counts_days_of_its_kind(
    case: Case, today: str, days: int, kind: str, due: str | None
) -> None:
    hazard = case.hazards()[0]
    year, month, day = map(int, today.split("-"))
    noon = datetime(year, month, day, 12, tzinfo=SHANGHAI)
    with standing_at(noon):
        person = case.world.logged_in(case.officers[0].user_id)
        hazard = ordered([person, case.officers[1]], hazard, days=days, day_kind=kind)
    assert hazard["due_on"] == hazard["orders"][0]["due_on"] == due
    assert hazard["is_overdue"] is (None if due is None else False)


@pytest.mark.parametrize(
    ("status", "day", "overdue"),
    [("ordered", 9, False), ("ordered", 10, False), ("ordered", 11, True), ("rectified", 11, False),
     ("reinspected", 11, False), ("closed", 11, False), ("found", 11, False)],
)  # fmt: skip
def test_overdue_begins_the_day_after_the_deadline(status: str, day: int, overdue: bool) -> None:
    assert is_overdue(status, date(2026, 11, 10), date(2026, 11, day)) is overdue


def test_every_state_is_reached_and_left_but_the_last() -> None:
    assert {one.target for one in TRANSITIONS.values()} == STATES - {"found"}
    assert frozenset().union(*(one.sources for one in TRANSITIONS.values())) == STATES - {"closed"}


@pytest.mark.parametrize("action", ["rectification", "closure"])
def test_a_step_out_of_order_is_refused(case: Case, action: str) -> None:
    person = case.officers[0] if action == "rectification" else case.world.person("approver")
    body = {"note": "x", "evidence_ids": []} if action == "rectification" else {}
    answer = step(person, case.hazards()[0], action, body)
    assert (answer.status_code, answer.json()["code"]) == (409, "hazard_state")


def test_writes_need_the_version_that_was_read(case: Case) -> None:
    hazard, officer = ordered(case.officers, case.hazards()[0]), case.officers[0]
    done = {"note": "已整改", "evidence_ids": []}
    assert officer.post(f"{PATH}/{hazard['id']}/rectification", json=done).status_code == 428
    assert step(officer, {**hazard, "version": 9}, "rectification", done).status_code == 412


def test_a_foreign_region_sees_nothing_and_a_missing_action_is_refused(case: Case, world: World) -> None:
    hazard = case.hazards()[0]
    abroad = world.person("inspector", region=world.other_district)
    assert abroad.get(PATH).json()["items"] == abroad.get(f"{PATH}/counts").json() == []
    assert abroad.get(f"{PATH}/{hazard['id']}").status_code == 404
    assert order([abroad, case.officers[1]], hazard).status_code == 404
    assert order([world.person("supervisor"), case.officers[1]], hazard).status_code == 403
    assert world.person("safety_assistant").get(PATH).status_code == 403


def test_filters_and_counts_agree(case: Case, world: World) -> None:
    officer, (first, second) = world.person("inspector"), case.hazards()
    ordered(case.officers, first)

    async def judge_and_age(session: AsyncSession) -> None:
        major = {"level": "major", "clause": "MEM10-7-5", "major_since": shanghai_today()}
        await session.execute(update(Hazard).where(Hazard.id == UUID(second["id"])).values(**major))
        late = {"due_on": shanghai_today() - timedelta(days=1)}
        await session.execute(update(Hazard).where(Hazard.id == UUID(first["id"])).values(**late))

    def listed(**params: Any) -> list[str]:
        answer = officer.get(PATH, params=params)
        assert answer.status_code == 200, answer.text
        counted = officer.get(f"{PATH}/counts", params=params).json()
        assert sum(row["count"] for row in counted) == len(answer.json()["items"])
        return [row["id"] for row in answer.json()["items"]]

    assert listed(overdue=True) == listed(level="major") == []
    world.in_database(judge_and_age)
    both = [first["id"], second["id"]]
    assert listed(status="ordered", level="general") == listed(status="ordered") == [first["id"]]
    assert listed(overdue=True) == [first["id"]]
    assert listed(overdue=False) == listed(level="major") == listed(clause="MEM10-7-5") == [second["id"]]
    assert listed(clause="MEM10-7-4") == listed(trade="metallurgy") == []
    assert listed(trade="industry_trade") == both
    for region in (world.town, world.district, world.city):
        assert listed(region_id=str(region)) == both
    assert listed(region_id=str(world.other_district)) == listed(region_id=str(new_id())) == []
    assert listed(site_id=str(case.field.site_id), enterprise_id=str(case.field.enterprise_id)) == both
    assert listed(found_from=first["found_on"], found_until=first["found_on"]) == both
    assert listed(found_from="2099-01-01") == listed(found_until="2020-01-01") == []
    assert officer.get(PATH, params={"status": "nonsense"}).status_code == 422
    counts = officer.get(f"{PATH}/counts").json()
    assert {(row["level"], row["status"], row["count"], row["overdue"]) for row in counts} == {
        ("general", "ordered", 1, 1), ("major", "found", 1, 0),
    }  # fmt: skip


def test_a_list_pages_at_the_same_cost_whatever_its_length(case: Case, runtime: Runtime) -> None:
    person = case.officers[0]

    def cost(**params: Any) -> tuple[int, Any]:
        with recorded_queries(runtime.database) as sent:
            answer = person.get(PATH, params={"region_id": str(case.world.district), **params}).json()
        return len(sent), answer

    two, whole = cost()
    case.field.visit_id = new_id()
    case.submit()
    four, more = cost()
    assert (len(whole["items"]), len(more["items"])) == (2, 4)
    first_cost, page = cost(limit=3)
    rest_cost, rest = cost(limit=3, cursor=page["next_cursor"])
    assert page["items"] + rest["items"] == more["items"]
    assert rest["next_cursor"] is None
    assert two == four == first_cost == rest_cost <= 3


def test_what_no_statute_fixes_is_shown_as_a_setting_to_be_confirmed(case: Case, world: World) -> None:
    shown = {row["name"]: row for row in case.officers[0].get(f"{PATH}/settings").json()}
    assert set(shown) == set(registry_settings())
    assert shown["recurrence_window"]["value"] == 365
    assert all(row["to_be_confirmed"] for row in shown.values())
    assert world.person("safety_assistant").get(f"{PATH}/settings").status_code == 403
