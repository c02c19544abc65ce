"""A corrected package changes what is known, not how often a hazard stands in the registry."""

from typing import Any

from tests.determinations.making import NO, NO_ALARM, Visit, answers
from tests.determinations.test_verification import DECIDED, step, verified
from tests.factories.world import World


def registered(visit: Visit) -> list[dict[str, Any]]:
    found = visit.reader.get(f"/api/v1/hazards?site_id={visit.field.site_id}").json()["items"]
    return sorted(found, key=lambda hazard: hazard["item_code"])


def test_a_correction_registers_only_what_was_not_found_before(world: World) -> None:
    visit = Visit(world, "machinery")
    first = visit.submit("rto", answers("rto", NO_ALARM))
    before = registered(visit)
    second = visit.submit("rto", answers("rto", NO_ALARM | {"RTO-01": NO}), supersedes=first)
    third = visit.submit("rto", answers("rto", NO_ALARM | {"RTO-01": NO}), supersedes=second)
    after = registered(visit)
    assert [hazard["item_code"] for hazard in after] == ["RTO-01", "RTO-10", "RTO-10.3"]
    assert [hazard["id"] for hazard in after[1:]] == [hazard["id"] for hazard in before]
    assert third


def test_two_corrections_of_one_package_register_a_new_finding_once(world: World) -> None:
    """Both officers correct the same record: what both find anew is one hazard."""
    visit = Visit(world, "machinery")
    first = visit.submit("rto", answers("rto", NO_ALARM))
    for _ in range(2):
        visit.submit("rto", answers("rto", NO_ALARM | {"RTO-01": NO}), supersedes=first)
    assert [hazard["item_code"] for hazard in registered(visit)] == ["RTO-01", "RTO-10", "RTO-10.3"]


def test_what_a_correction_no_longer_finds_stays_until_a_person_decides(world: World) -> None:
    visit = Visit(world, "machinery")
    first = visit.submit("rto", answers("rto", NO_ALARM))
    second = visit.submit("rto", answers("rto"), supersedes=first)
    issues = visit.phone.request("GET", f"/packages/{second}").json()["issues"]
    withdrawn = [issue["at"] for issue in issues if issue["code"] == "finding_withdrawn"]
    assert withdrawn == ["answers/RTO-10", "answers/RTO-10.3"]
    assert [hazard["status"] for hazard in registered(visit)] == ["found", "found"]


def test_a_confirmation_after_a_correction_makes_the_registered_hazard_major(world: World) -> None:
    visit = Visit(world, "machinery")
    first = visit.submit("rto", answers("rto", NO_ALARM))
    visit.submit("rto", answers("rto", NO_ALARM), supersedes=first)
    (suspected,) = visit.verdicts("suspected_major")
    verdict = verified(visit, suspected)
    assert step(world.person("approver"), verdict, "confirmation", DECIDED).status_code == 200
    levels = {hazard["item_code"]: hazard["level"] for hazard in registered(visit)}
    assert set(levels) == {"RTO-10", "RTO-10.3"}
    assert "major" in levels.values()
