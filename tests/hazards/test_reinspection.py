"""A re-inspection is a visit that is shown the photographs of before and answers for each hazard."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.enums.hazards import ReinspectionOutcome
from app.models.hazards import Hazard
from app.models.orders import OrderLine, RectificationOrder
from app.services.hazards.service import record_step
from app.services.hazards.workflow import outcome_of
from app.services.runtime import Runtime
from tests.factories.cases import Docket
from tests.factories.field import Device, Field, Photo, photo
from tests.factories.orders import order
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries

HAZARDS, ASSIGNMENTS = "/api/v1/hazards", "/api/v1/inspections/assignments"
BAD = {"RTO-01": {"value": "no"}, "RTO-02": {"value": "no"}}
REQUIREMENT = "补充辨识并整改"
ADDRESS = ("authority_id", "enterprise_id", "site_id", "region_id", "issued_by")


class Story:
    """Two hazards found with a photograph, ordered, and a team that is to re-inspect them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.field = Field(world)
        self.officers = [world.person("inspector", region=world.town) for _ in range(2)]
        self.phones = [self.field.phone(officer.user_id) for officer in self.officers]
        self.before = photo(question="RTO-01")
        package = self.phones[0].seal(self._document(answers=BAD), [self.before])
        assert self.phones[0].put_package(package).status_code == 201
        assert self.phones[0].put_photo(package, self.before).status_code == 201
        found = self.officers[0].get(HAZARDS, params={"site_id": str(self.field.site_id)}).json()["items"]
        self.hazards = sorted(found, key=lambda row: row["item_code"])
        assert order(self.officers, *self.hazards, requirement=REQUIREMENT).status_code == 201
        self.hazards = [self.shown(hazard) for hazard in self.hazards]
        self.visit_id = str(new_id())

    def _document(self, **changes: Any) -> dict[str, Any]:
        ids = [officer.user_id for officer in self.officers]
        return {**self.field.document(self.field.publish("rto"), ids), **changes}

    def _post(
        self, hazard: dict[str, Any], step: str, body: dict[str, Any], who: Person | None = None
    ) -> Any:
        person = who or self.officers[0]
        return person.post(f"{HAZARDS}/{hazard['id']}/{step}", version=hazard["version"], json=body)

    def close(self, hazard: dict[str, Any]) -> Any:
        return self._post(self.shown(hazard), "closure", {}, self.world.person("approver"))

    def report(self, hazard: dict[str, Any], evidence: Photo) -> Any:
        body = {"note": "已整改", "evidence_ids": [str(evidence.id)]}
        return self._post(self.shown(hazard), "rectification", body)

    def assign(self, **changes: Any) -> Any:
        body = {
            "site_id": str(self.field.site_id),
            "kind": "reinspection",
            "authority_id": str(self.world.authority),
            "planned_from": shanghai_today().isoformat(),
            "planned_until": (shanghai_today() + timedelta(days=3)).isoformat(),
            "officers": [str(officer.user_id) for officer in self.officers],
            "template_version_ids": [str(self.field.version_id("rto"))],
            "hazard_ids": [hazard["id"] for hazard in self.hazards],
            **changes,
        }
        return self.world.person("supervisor").post(ASSIGNMENTS, json=body)

    def reinspect(
        self,
        *results: dict[str, Any],
        photos: list[Photo] | None = None,
        phone: Device | None = None,
        **changes: Any,
    ) -> dict[str, Any]:
        """Send a package with these results; the issues that concern hazards."""
        document = self._document(
            **{
                "kind": "reinspection",
                "visit_id": self.visit_id,
                "hazards": list(results),
                **changes,
            }
        )
        sender = phone or self.phones[0]
        package = sender.seal(document, photos or [])
        answer = sender.put_package(package)
        assert answer.status_code == 201, answer.text
        issues = sender.request("GET", f"/packages/{package.id}").json()["issues"]
        assert issues == answer.json()["issues"]
        codes = ("hazard", "reinspection", "after_photo")
        return {issue["code"]: issue["at"] for issue in issues if issue["code"].startswith(codes)}

    def result(self, number: int, is_rectified: bool = True, **more: Any) -> dict[str, Any]:
        return {"hazard_id": self.hazards[number]["id"], "is_rectified": is_rectified, **more}

    def shown(self, hazard: dict[str, Any]) -> dict[str, Any]:
        return dict(self.officers[0].get(f"{HAZARDS}/{hazard['id']}").json())

    def states(self) -> list[str]:
        return [self.shown(hazard)["status"] for hazard in self.hazards]


@pytest.fixture
def story(world: World) -> Story:
    return Story(world)


def test_the_phone_is_shown_the_hazards_with_their_photographs(story: Story, runtime: Runtime) -> None:
    assignment = story.assign().json()
    with recorded_queries(runtime.database) as sent:
        rows = story.phones[1].request("GET", f"/assignments/{assignment['id']}/hazards").json()
    assert len(sent) <= 7
    by_code = {row["item_code"]: row for row in rows}
    assert set(by_code) == {"RTO-01", "RTO-02"}
    shown = by_code["RTO-01"]
    assert (shown["status"], shown["requirement"], shown["due_on"]) == (
        "ordered", REQUIREMENT, story.hazards[0]["due_on"],
    )  # fmt: skip
    (before,) = shown["before_photos"]
    declared = story.before.declaration()
    assert (before["id"], before["hash"], before["size"]) == (
        declared["id"], declared["hash"], declared["size"],
    )  # fmt: skip
    assert before["derivatives"]["320"] == f"/mobile/v1/evidence/{declared['id']}/derivatives/320"
    assert by_code["RTO-02"]["before_photos"] == []


def merge_into(story: Story, number: int, kept: str) -> None:
    merged = Hazard.id == UUID(story.hazards[number]["id"])

    async def merge(session: AsyncSession) -> None:
        await session.execute(update(Hazard).where(merged).values(merged_into_id=UUID(kept)))
        hazard = await session.get_one(Hazard, UUID(story.hazards[number]["id"]))
        await record_step(session, SYSTEM, hazard, "merge", hazard.status)

    story.world.in_database(merge)


def test_the_photographs_of_what_was_merged_into_a_hazard_are_shown_with_it(
    story: Story, runtime: Runtime
) -> None:
    """Over two mergings, on the phone of a squad from elsewhere, and beside the re-inspection at the console."""
    middle = str(Docket(story.world).hazard(field=story.field))
    merge_into(story, 0, middle)
    story.hazards[0] = {**story.hazards[0], "id": middle}
    merge_into(story, 0, story.hazards[1]["id"])
    squad = [story.world.person("inspector", region=story.world.other_town) for _ in range(2)]
    phones = [story.field.phone(one.user_id) for one in squad]
    answer = story.assign(hazard_ids=[story.hazards[1]["id"]], officers=[str(one.user_id) for one in squad])
    assert answer.status_code == 201, answer.text
    with recorded_queries(runtime.database) as sent:
        (shown,) = phones[0].request("GET", f"/assignments/{answer.json()['id']}/hazards").json()
    assert len(sent) <= 7
    (before,) = shown["before_photos"]
    assert before["id"] == str(story.before.id)
    story.reinspect(story.result(1))
    (at_console,) = story.shown(story.hazards[1])["reinspections"]
    assert at_console["before"] == [str(story.before.id)]


def test_what_was_merged_after_a_re_inspection_is_none_of_its_photographs_of_before(story: Story) -> None:
    """It was found before, but nobody looked at it then as at the same hazard; the next re-inspection does."""
    story.reinspect(story.result(1, False))
    middle = str(Docket(story.world).hazard(field=story.field))
    merge_into(story, 0, middle)
    story.hazards[0] = {**story.hazards[0], "id": middle}
    story.visit_id = str(new_id())
    merge_into(story, 0, story.hazards[1]["id"])
    story.reinspect(story.result(1))
    first, second = story.shown(story.hazards[1])["reinspections"]
    assert (first["before"], second["before"]) == ([], [str(story.before.id)])


def test_only_the_team_is_shown_them(story: Story) -> None:
    assignment = story.assign().json()
    path = f"/assignments/{assignment['id']}/hazards"
    stranger = story.field.phone(story.world.person("inspector", region=story.world.town).user_id)
    assert stranger.request("GET", path).status_code == 404
    assistant = story.field.phone(story.world.person("safety_assistant").user_id)
    assert assistant.request("GET", path).status_code == 403


def test_a_cancelled_assignment_shows_them_no_more(story: Story) -> None:
    assignment = story.assign().json()
    path = f"/assignments/{assignment['id']}/hazards"
    assert story.phones[0].request("GET", path).status_code == 200
    cancelled = story.world.person("supervisor").post(
        f"{ASSIGNMENTS}/{assignment['id']}/cancellation",
        version=assignment["version"],
        json={"reason": "改期"},
    )
    assert cancelled.status_code == 200, cancelled.text
    assert story.phones[0].request("GET", path).status_code == 404


def test_each_hazard_takes_its_own_result_with_its_after_photographs(story: Story) -> None:
    assignment = story.assign().json()
    after = photo()
    flags = story.reinspect(
        story.result(0, True, note="已整改到位", evidence_ids=[str(after.id)]),
        story.result(1, False, note="仍未整改"),
        photos=[after],
        assignment_id=assignment["id"],
    )
    assert flags == {}
    assert story.states() == ["reinspected", "ordered"]
    first, second = (story.shown(hazard) for hazard in story.hazards)
    assert first["reinspections"] == [
        {
            "visit_id": story.visit_id,
            "on_date": shanghai_today().isoformat(),
            "is_rectified": True,
            "outcome": "resolved",
            "note": "已整改到位",
            "before": [str(story.before.id)],
            "rectification": [],
            "after": [str(after.id)],
        }
    ]
    assert second["reinspections"][0]["is_rectified"] is False
    assert second["due_on"] == story.hazards[1]["due_on"]
    assert story.close(story.hazards[0]).json()["status"] == "closed"
    done = story.officers[0].get(f"{ASSIGNMENTS}/{assignment['id']}").json()
    assert done["status"] == "visited"


def test_the_reported_rectification_stands_between_before_and_after(story: Story) -> None:
    reported, after = photo(), photo()
    story.report(story.hazards[0], reported)
    story.reinspect(story.result(0, evidence_ids=[str(after.id)]), photos=[after])
    (shown,) = story.shown(story.hazards[0])["reinspections"]
    assert (shown["before"], shown["rectification"], shown["after"]) == (
        [str(story.before.id)], [str(reported.id)], [str(after.id)],
    )  # fmt: skip


def test_a_hazard_already_closed_is_flagged_and_not_touched(story: Story) -> None:
    story.reinspect(story.result(0))
    story.close(story.hazards[0])
    story.visit_id = str(new_id())
    flags = story.reinspect(story.result(0, False), story.result(1))
    assert flags == {"hazard_state_changed": f"hazards/{story.hazards[0]['id']}"}
    assert story.states() == ["closed", "reinspected"]


def test_a_colleagues_same_result_is_known_and_an_opposite_one_is_flagged(story: Story) -> None:
    assert story.reinspect(story.result(0)) == {}
    assert story.reinspect(story.result(0), phone=story.phones[1]) == {}
    flags = story.reinspect(story.result(0, False), phone=story.phones[1])
    assert flags == {"hazard_contradicted": f"hazards/{story.hazards[0]['id']}"}
    assert story.states() == ["reinspected", "ordered"]
    assert len(story.shown(story.hazards[0])["reinspections"]) == 1


@pytest.mark.parametrize(
    ("said", "found", "status"),
    [
        ({"is_rectified": True}, "resolved", "reinspected"),
        ({"is_rectified": False}, "unchanged", "ordered"),
        ({"is_rectified": True, "outcome": None}, "resolved", "reinspected"),
        ({"is_rectified": True, "outcome": "resolved"}, "resolved", "reinspected"),
        ({"is_rectified": False, "outcome": "unchanged"}, "unchanged", "ordered"),
        ({"is_rectified": False, "outcome": "aggravated"}, "aggravated", "ordered"),
    ],
)
def test_each_outcome_stands_beside_the_photographs_of_before_and_after(
    story: Story, said: dict[str, Any], found: str, status: str
) -> None:
    """A package from before outcomes were told apart says resolved or unchanged, for ever."""
    reported, after = photo(), photo()
    story.report(story.hazards[0], reported)
    flags = story.reinspect(
        {"hazard_id": story.hazards[0]["id"], "evidence_ids": [str(after.id)], **said}, photos=[after]
    )
    assert flags == {}
    shown = story.shown(story.hazards[0])
    (told,) = shown["reinspections"]
    assert (shown["status"], told["outcome"], told["is_rectified"]) == (
        status, found, status == "reinspected",
    )  # fmt: skip
    assert (told["before"], told["rectification"], told["after"]) == (
        [str(story.before.id)], [str(reported.id)], [str(after.id)],
    )  # fmt: skip
    assert shown["due_on"] == story.hazards[0]["due_on"]


def test_a_step_from_before_outcomes_were_kept_says_resolved_or_unchanged(story: Story) -> None:
    async def take(session: AsyncSession) -> None:
        for row, action in zip(story.hazards, ("reinspect", "reject_rectification"), strict=True):
            hazard = await session.get_one(Hazard, UUID(row["id"]))
            await record_step(
                session, SYSTEM, hazard, action, hazard.status, detail={"package_id": row["id"]}
            )

    story.world.in_database(take)
    outcomes = [story.shown(hazard)["reinspections"][0]["outcome"] for hazard in story.hazards]
    assert outcomes == ["resolved", "unchanged"]


@pytest.mark.parametrize(
    ("is_rectified", "outcome"),
    [(True, "unchanged"), (True, "aggravated"), (False, "resolved"), (True, "halved"), (False, "")],
)
def test_a_result_that_contradicts_itself_is_kept_flagged_and_left_to_a_person(
    story: Story, is_rectified: bool, outcome: str
) -> None:
    """The package and its files are kept and receipted; its other results count; the hazard stays as it is, and is no new one."""
    after = photo()
    unclear = story.result(0, is_rectified, outcome=outcome, evidence_ids=[str(after.id)])
    flags = story.reinspect(unclear, story.result(1), photos=[after], answers={"RTO-01": {"value": "no"}})
    assert flags == {"hazard_outcome_unclear": f"hazards/{story.hazards[0]['id']}"}
    assert story.states() == ["ordered", "reinspected"]
    assert story.shown(story.hazards[0])["reinspections"] == []
    rows = story.officers[0].get(HAZARDS, params={"site_id": str(story.field.site_id)}).json()["items"]
    assert len(rows) == 2
    body = {"visit_id": story.visit_id, "is_rectified": False, "outcome": "aggravated", "note": "电话核实"}
    settled = story._post(story.shown(story.hazards[0]), "reinspection", body)
    assert (settled.status_code, settled.json()["status"]) == (200, "ordered"), settled.text
    (told,) = story.shown(story.hazards[0])["reinspections"]
    assert (told["outcome"], told["visit_id"]) == ("aggravated", story.visit_id)


def test_a_colleague_who_found_it_worse_contradicts_who_found_it_unchanged(story: Story) -> None:
    assert story.reinspect(story.result(0, False)) == {}
    worse = story.result(0, False, outcome="aggravated")
    flags = story.reinspect(worse, phone=story.phones[1])
    assert flags == {"hazard_contradicted": f"hazards/{story.hazards[0]['id']}"}
    same = story.result(0, False, outcome="unchanged")
    assert story.reinspect(same, phone=story.phones[1]) == {}
    assert [one["outcome"] for one in story.shown(story.hazards[0])["reinspections"]] == ["unchanged"]


@given(is_rectified=st.booleans(), said=st.none() | st.sampled_from(ReinspectionOutcome) | st.text())
def test_an_outcome_is_resolved_exactly_if_the_hazard_is_rectified(
    is_rectified: bool, said: str | None
) -> None:
    found = outcome_of(is_rectified, said)
    if found is None:
        assert said is not None
        assert said not in {*ReinspectionOutcome} or (said == "resolved") != is_rectified
    else:
        assert (found is ReinspectionOutcome.RESOLVED) == is_rectified
        assert said in (None, found)


def test_a_hazard_that_persists_is_not_registered_twice(story: Story) -> None:
    """The checklist says again what the result says; a new finding beside it is a new hazard."""
    answers = {"RTO-01": {"value": "no"}, "RTO-21": {"value": "no"}}
    assert story.reinspect(story.result(0, False), story.result(1), answers=answers) == {}
    rows = story.officers[0].get(HAZARDS, params={"site_id": str(story.field.site_id)}).json()["items"]
    assert sorted((row["item_code"], row["status"]) for row in rows) == [
        ("RTO-01", "ordered"), ("RTO-02", "reinspected"), ("RTO-21", "found"),
    ]  # fmt: skip


def test_a_hazard_that_came_back_is_registered_anew(story: Story) -> None:
    story.reinspect(story.result(0))
    story.close(story.hazards[0])
    story.visit_id = str(new_id())
    flags = story.reinspect(story.result(0, False), answers={"RTO-01": {"value": "no"}})
    assert set(flags) == {"hazard_state_changed"}
    rows = story.officers[0].get(HAZARDS, params={"status": "found"}).json()["items"]
    assert [row["item_code"] for row in rows] == ["RTO-01"]


def test_another_sites_hazard_is_not_reached_through_a_package(story: Story) -> None:
    other = Story(story.world)
    flags = story.reinspect({"hazard_id": other.hazards[0]["id"], "is_rectified": True})
    assert flags == {"hazard_unknown": f"hazards/{other.hazards[0]['id']}"}
    assert other.states() == ["ordered", "ordered"]


def test_a_package_that_is_not_signable_changes_no_hazard(story: Story) -> None:
    flags = story.reinspect(story.result(0), officers=[str(story.officers[0].user_id)])
    assert flags == {"reinspection_not_signable": "hazards"}
    assert story.states() == ["ordered", "ordered"]


def test_a_date_before_the_order_is_flagged(story: Story) -> None:
    yesterday = (shanghai_today() - timedelta(days=1)).isoformat()
    assert "hazard_before_order" in story.reinspect(story.result(0), legal_date=yesterday)
    assert story.states() == ["ordered", "ordered"]


def test_what_was_seen_before_the_order_in_force_does_not_answer_it(story: Story) -> None:
    of_story = OrderLine.hazard_id == UUID(story.hazards[0]["id"])

    async def order_ten_days_ago(session: AsyncSession) -> None:
        found = (
            await session.execute(select(RectificationOrder).join(OrderLine).where(of_story))
        ).scalar_one()
        earlier = {name: getattr(found, name) for name in ADDRESS}
        replaced = RectificationOrder(
            number=f"{found.number}a", issued_on=found.issued_on - timedelta(days=10), **earlier
        )
        session.add(replaced)
        await session.flush()
        for position, hazard in enumerate(story.hazards, start=1):
            session.add(
                OrderLine(
                    order_id=replaced.id, hazard_id=UUID(hazard["id"]), position=position, days=15, day_kind="calendar",
                    due_on=shanghai_today() + timedelta(days=5), requirement=REQUIREMENT,
                )
            )  # fmt: skip

    story.world.in_database(order_ten_days_ago)
    yesterday = (shanghai_today() - timedelta(days=1)).isoformat()
    assert "hazard_before_order" in story.reinspect(story.result(0), legal_date=yesterday)
    assert story.states() == ["ordered", "ordered"]


def test_a_date_in_the_future_changes_no_hazard(story: Story) -> None:
    tomorrow = (shanghai_today() + timedelta(days=1)).isoformat()
    assert story.reinspect(story.result(0), legal_date=tomorrow) == {"reinspection_in_future": "legal_date"}
    assert story.states() == ["ordered", "ordered"]


def test_an_assigned_hazard_without_a_result_and_an_undeclared_photograph_are_flagged(story: Story) -> None:
    assignment = story.assign().json()
    stray = str(new_id())
    flags = story.reinspect(story.result(0, evidence_ids=[stray]), assignment_id=assignment["id"])
    assert flags == {
        "after_photo_undeclared": f"hazards/{story.hazards[0]['id']}/{stray}",
        "hazard_not_answered": f"hazards/{story.hazards[1]['id']}",
    }
    assert story.shown(story.hazards[0])["reinspections"][0]["after"] == []


def test_results_in_an_inspection_do_not_count(story: Story) -> None:
    assert story.reinspect(story.result(0), kind="inspection") == {"hazards_not_counted": "hazards"}
    assert story.states() == ["ordered", "ordered"]


def test_a_reinspection_is_assigned_for_ordered_hazards_of_its_own_site(story: Story) -> None:
    other = Story(story.world)
    story.reinspect(story.result(0))
    for hazard_ids in (
        [],
        [str(new_id())],
        [other.hazards[0]["id"]],
        [story.hazards[0]["id"]],
    ):
        answer = story.assign(hazard_ids=hazard_ids)
        assert (answer.status_code, answer.json()["code"]) == (422, "hazards_not_reinspectable")
    assert story.assign(hazard_ids=[story.hazards[1]["id"]]).status_code == 201
    plain = story.assign(kind="inspection", hazard_ids=[story.hazards[1]["id"]])
    assert plain.json()["code"] == "hazards_not_reinspectable"
