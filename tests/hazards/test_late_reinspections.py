"""A phone was offline: its visit was before the enterprise's report, its package comes after it."""

from datetime import date, timedelta
from typing import Any

import pytest

from app.core.ids import new_id
from app.services.runtime import Runtime
from tests.factories.world import World
from tests.hazards.test_overdue import Deadline
from tests.hazards.test_proposals import HAZARDS
from tests.support.queries import recorded_queries

REPORTED = -8
"""The report's day, counted from the last day of the order."""


class Offline(Deadline):
    """Ordered fifteen days before the deadline, and reported rectified eight days before it."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        with self.day(REPORTED):
            self.report()

    def on(self, number: int) -> date:
        return self.due + timedelta(days=number)

    def send(self, visited: int, *results: dict[str, Any]) -> dict[str, str]:
        """The package of a visit of that day; what is flagged of hazards."""
        field = self.docket.field
        field.visit_id = new_id()
        team = [one.user_id for one in self.officers]
        phone = field.phone(team[0])
        document = field.document(field.publish("rto"), team, kind="reinspection")
        document |= {"legal_date": str(self.on(visited)), "hazards": list(results)}
        answer = phone.put_package(phone.seal(document, []))
        assert answer.status_code == 201, answer.text
        return {one["code"]: one["at"] for one in answer.json()["issues"] if one["code"].startswith("hazard")}

    def found(self, outcome: str) -> dict[str, Any]:
        return {
            "hazard_id": str(self.hazard),
            "is_rectified": outcome == "resolved",
            "outcome": outcome,
        }

    def at_the_desk(self, outcome: str) -> Any:
        """What is written down at the desk of the visit sent last."""
        body = {"visit_id": str(self.docket.field.visit_id), **self.found(outcome)}
        del body["hazard_id"]
        path, version = f"{HAZARDS}/{self.hazard}/reinspection", self.shown()["version"]
        return self.officers[0].post(path, json=body, version=version)

    def ledger(self) -> list[tuple[str, str]]:
        params = {"subject_id": str(self.hazard), "code": "rectification"}
        both = [
            self.chief.get("/api/v1/clocks", params={**params, "ended": ended}).json()["items"]
            for ended in (True, False)
        ]
        ((clock,),) = [found for found in both if found]
        rows = self.chief.get(f"/api/v1/clocks/{clock['id']}").json()["ledger"]
        return [(row["action"], row["on_date"]) for row in rows]


@pytest.fixture
def offline(world: World) -> Offline:
    return Offline(world)


@pytest.mark.parametrize("outcome", ["unchanged", "aggravated"])
def test_what_was_found_undone_before_the_report_does_not_throw_it_out(
    offline: Offline, outcome: str
) -> None:
    with offline.day(REPORTED + 1):
        before = offline.shown()
        flags = offline.send(REPORTED - 2, offline.found(outcome))
        assert flags == {"hazard_before_report": f"hazards/{offline.hazard}"}
        assert offline.shown() == before
        assert (before["status"], before["reinspections"]) == ("rectified", [])
        assert offline.ledger() == [
            ("start", str(offline.on(-15))),
            ("end", str(offline.on(REPORTED))),
        ]
        assert len(offline.rechecks()) == 1


@pytest.mark.parametrize("outcome", ["unchanged", "aggravated"])
def test_the_desk_is_told_that_the_visit_was_before_the_report(offline: Offline, outcome: str) -> None:
    with offline.day(REPORTED + 1):
        offline.send(REPORTED - 1)
        before = offline.shown()
        refused = offline.at_the_desk(outcome)
        assert (refused.status_code, refused.json()["code"]) == (422, "reinspection_before_report")
        assert offline.shown() == before


@pytest.mark.parametrize("visited", [REPORTED, REPORTED + 1])
def test_what_is_found_undone_on_the_day_of_the_report_or_later_answers_it(
    offline: Offline, visited: int
) -> None:
    with offline.day(REPORTED + 1):
        assert offline.send(visited, offline.found("unchanged")) == {}
        assert offline.shown()["status"] == "ordered"
        assert offline.ledger()[-1] == ("reopen", str(offline.on(visited)))


@pytest.mark.parametrize("at_the_desk", [False, True])
def test_what_was_found_rectified_before_it_was_reported_counts(offline: Offline, at_the_desk: bool) -> None:
    with offline.day(REPORTED + 1):
        if at_the_desk:
            offline.send(REPORTED - 1)
            answer = offline.at_the_desk("resolved")
            assert answer.status_code == 200, answer.text
        else:
            assert offline.send(REPORTED - 1, offline.found("resolved")) == {}
        assert offline.shown()["status"] == "reinspected"


def test_it_is_the_last_report_that_counts(offline: Offline) -> None:
    """The first was found untrue, the enterprise has reported again; a visit between the two says nothing of the second."""
    with offline.day(REPORTED + 1):
        assert offline.send(REPORTED + 1, offline.found("unchanged")) == {}
    with offline.day(REPORTED + 3):
        offline.report()
        assert set(offline.send(REPORTED + 2, offline.found("unchanged"))) == {"hazard_before_report"}
        assert offline.shown()["status"] == "rectified"


def test_nothing_is_asked_of_a_hazard_of_which_nothing_was_reported(
    offline: Offline, runtime: Runtime
) -> None:
    """The look at reports costs a statement where one waits, and none elsewhere."""
    with offline.day(REPORTED + 1):
        quiet = offline.ordered()
        with recorded_queries(runtime.database) as sent:
            offline.send(REPORTED + 1, {**offline.found("unchanged"), "hazard_id": str(quiet)})
        assert not [one for one in sent if "hazard_steps.on_date >" in one]
        with recorded_queries(runtime.database) as sent:
            offline.send(REPORTED + 1, offline.found("unchanged"))
        assert len([one for one in sent if "hazard_steps.on_date >" in one]) == 1
