"""How far a campaign is, and what came back of the hazards it found: counted from what its assignments led to, and nothing else."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.models.hazards import Hazard
from app.services.runtime import Runtime
from tests.factories.campaigns import PATH, Planning, in_days
from tests.factories.world import Person
from tests.support.queries import recorded_queries


def progress(planning: Planning, campaign: dict[str, Any], by: Person | None = None) -> dict[str, Any]:
    return dict((by or planning.planner).get(f"{PATH}/{campaign['id']}/progress").json())


def rebounds(reader: Person, first: int = -9, last: int = 0, **more: Any) -> list[dict[str, Any]]:
    period = {"closed_from": in_days(first), "closed_until": in_days(last), **more}
    return list(reader.get(f"{PATH}/rebounds", params=period).json())


def set_values(planning: Planning, hazard: UUID, **values: Any) -> None:
    async def change(session: AsyncSession) -> None:
        await session.execute(update(Hazard).where(Hazard.id == hazard).values(**values))

    planning.world.in_database(change)


def test_progress_counts_what_the_campaign_s_assignments_led_to(planning: Planning) -> None:
    campaign = planning.plan()
    assert progress(planning, campaign) == {"assignments": [], "visits": [], "hazards": []}
    first, second, third, fourth = (planning.assign() for _ in range(4))
    outside = planning.assign()
    planning.add(campaign, first, second, third, fourth)
    planning.cancel(fourth)
    one, two = planning.visit(first, "RTO-01", "RTO-02")
    planning.visit(second)
    planning.visit(outside, "RTO-05")
    planning.visit(None, "RTO-06")
    set_values(planning, one, level="major", clause="MEM10-7-5", major_since=shanghai_today())
    set_values(planning, two, status="ordered", due_on=shanghai_today() - timedelta(days=1))
    assert progress(planning, campaign) == {
        "assignments": [
            {"status": "assigned", "count": 1},
            {"status": "cancelled", "count": 1},
            {"status": "visited", "count": 2},
        ],
        "visits": [{"kind": "inspection", "visits": 2, "enterprises": 1}],
        "hazards": [
            {"level": "general", "status": "ordered", "count": 1, "overdue": 1},
            {"level": "major", "status": "found", "count": 1, "overdue": 0},
        ],
    }


def test_whoever_carries_a_citys_campaign_out_sees_what_it_led_to_in_his_regions(planning: Planning) -> None:
    world, elsewhere = planning.world, Planning(planning.world, region=planning.world.other_town)
    campaign = planning.plan(region_id=str(world.city))
    here, there = planning.assign(), elsewhere.assign()
    planning.add(campaign, here, there)
    planning.visit(here, "RTO-01")
    for region, status, visits in (
        (world.district, "visited", 1),
        (world.other_district, "assigned", 0),
        (world.neighbour_town, None, 0),
    ):
        shown = progress(planning, campaign, world.person("supervisor", region=region))
        assert shown["assignments"] == ([{"status": status, "count": 1}] if status else [])
        assert sum(row["visits"] for row in shown["visits"]) == visits
        assert sum(row["count"] for row in shown["hazards"]) == visits


def test_a_merged_hazard_counts_once(planning: Planning) -> None:
    campaign, assignment = planning.plan(), planning.assign()
    planning.add(campaign, assignment)
    kept, merged = planning.visit(assignment, "RTO-01", "RTO-02")
    set_values(planning, merged, merged_into_id=kept)
    assert [row["count"] for row in progress(planning, campaign)["hazards"]] == [1]


def test_progress_takes_as_many_queries_for_many_as_for_none(planning: Planning, runtime: Runtime) -> None:
    campaign = planning.plan()
    with recorded_queries(runtime.database) as few:
        progress(planning, campaign)
    made = [planning.assign() for _ in range(4)]
    planning.add(campaign, *made)
    for assignment in made:
        planning.visit(assignment, "RTO-01", "RTO-02")
    with recorded_queries(runtime.database) as more:
        assert progress(planning, campaign)["visits"][0]["visits"] == 4
    assert len(few) == len(more) <= 6


def test_of_the_hazards_a_campaign_found_and_that_were_closed_it_tells_how_many_came_back(
    planning: Planning,
) -> None:
    campaign, idle = planning.plan(), planning.plan(name_zh="另一专项行动")
    assignment, other, outside = planning.assign(), planning.assign(), planning.assign()
    planning.add(campaign, assignment)
    planning.add(idle, other)
    one, two, _ = planning.visit(assignment, "RTO-01", "RTO-02", "RTO-05")
    assert rebounds(planning.planner) == []  # nothing is closed
    for hazard in (one, two):
        planning.close(hazard, shanghai_today() - timedelta(days=5))
    (found_outside,) = planning.visit(outside, "RTO-06")
    planning.close(found_outside, shanghai_today())
    item = planning.planner.get(f"/api/v1/hazards/{one}").json()["item_code"]
    planning.visit(None, item)  # whoever finds it again
    expected = {
        "group": campaign["id"],
        "name_zh": campaign["name_zh"],
        "name_en": campaign["name_en"],
        "closed": 2,
        "came_back": 1,
    }
    assert rebounds(planning.planner) == [expected]
    assert rebounds(planning.planner, -5, -5) == [expected]
    assert rebounds(planning.planner, -4) == rebounds(planning.planner, -9, -6) == []


def test_the_campaign_of_which_most_came_back_is_first(planning: Planning) -> None:
    good, bad = planning.plan(), planning.plan()
    for campaign, items in ((good, ("RTO-01", "RTO-02", "RTO-05")), (bad, ("RTO-06",))):
        assignment = planning.assign()
        planning.add(campaign, assignment)
        for hazard in planning.visit(assignment, *items):
            planning.close(hazard, shanghai_today())
    planning.visit(None, "RTO-06")
    shown = [(row["group"], row["closed"], row["came_back"]) for row in rebounds(planning.planner)]
    assert shown == [(bad["id"], 1, 1), (good["id"], 3, 0)]


def test_rebounds_are_told_by_region_and_to_readers_of_the_region_only(planning: Planning) -> None:
    world, campaign = planning.world, planning.plan()
    assignment = planning.assign()
    planning.add(campaign, assignment)
    (hazard,) = planning.visit(assignment, "RTO-01")
    planning.close(hazard, shanghai_today())
    assert len(rebounds(planning.planner, region_id=str(world.town))) == 1
    assert rebounds(planning.planner, region_id=str(world.other_district)) == []
    assert len(rebounds(world.person("inspector", region=world.district))) == 1
    assert rebounds(world.person("inspector", region=world.other_district)) == []
    assert len(rebounds(world.person("inspector", region=world.town))) == 1
    assert rebounds(world.person("inspector", region=world.neighbour_town)) == []


@pytest.mark.parametrize("missing", ["closed_from", "closed_until"])
def test_rebounds_need_a_period(planning: Planning, missing: str) -> None:
    period = {"closed_from": in_days(0), "closed_until": in_days(0)}
    del period[missing]
    assert planning.planner.get(f"{PATH}/rebounds", params=period).status_code == 422


def test_a_safety_assistant_reads_no_campaign(planning: Planning) -> None:
    campaign, assistant = planning.plan(), planning.world.person("safety_assistant")
    for path in ("", f"/{campaign['id']}", f"/{campaign['id']}/progress", f"/{campaign['id']}/assignments"):
        assert assistant.get(PATH + path).status_code == 403
    period = {"closed_from": in_days(0), "closed_until": in_days(0)}
    assert assistant.get(f"{PATH}/rebounds", params=period).status_code == 403
