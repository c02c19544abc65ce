"""Assignments belong to one campaign at most, of their region and within its period; what was visited stays."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.models.campaigns import CampaignAssignment
from app.models.history import AuditEntry
from app.models.identity import RoleGrant
from app.models.inspections import Assignment
from app.services.runtime import Runtime
from tests.factories.campaigns import ASSIGNMENTS, PATH, Planning, in_days
from tests.factories.world import LONG_AGO
from tests.hazards.test_merging import waiting
from tests.support.queries import recorded_queries


def members(planning: Planning, campaign: dict[str, Any], **params: Any) -> list[str]:
    path = f"{PATH}/{campaign['id']}/assignments"
    return [row["id"] for row in planning.planner.get(path, params=params).json()["items"]]


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def audited(planning: Planning, campaign: dict[str, Any]) -> list[tuple[str, Any]]:
    async def written(session: AsyncSession) -> Any:
        wanted = select(AuditEntry.action, AuditEntry.detail).where(
            AuditEntry.object_id == UUID(campaign["id"]), AuditEntry.action != "campaigns:plan"
        )
        return [tuple(row) for row in await session.execute(wanted.order_by(AuditEntry.id))]

    return list(planning.world.in_database(written))


def test_a_batch_is_added_once_however_often_it_is_sent(planning: Planning) -> None:
    campaign, first, second = planning.plan(), planning.assign(), planning.assign()
    assert planning.add(campaign, first).json() == {"changed": 1, "unchanged": 0}
    assert planning.add(campaign, first, second, second).json() == {"changed": 1, "unchanged": 1}
    assert planning.add(campaign, first, second).json() == {"changed": 0, "unchanged": 2}
    assert members(planning, campaign) == sorted([first, second], reverse=True)
    assert members(planning, campaign, status="visited") == []
    assert audited(planning, campaign) == [
        ("campaigns:add_assignments", {"assignment_ids": [first]}),
        ("campaigns:add_assignments", {"assignment_ids": [second]}),
    ]


def test_an_assignment_leads_to_its_campaign(planning: Planning) -> None:
    campaign, other, assignment = planning.plan(), planning.plan(), planning.assign()
    planning.add(campaign, assignment)
    assert other["id"] != campaign["id"]
    found = planning.planner.get(PATH, params={"assignment_id": assignment}).json()["items"]
    assert found == [campaign]
    assert planning.planner.get(PATH, params={"assignment_id": planning.assign()}).json()["items"] == []


def test_an_assignment_belongs_to_one_campaign_and_its_batch_stays_out_as_a_whole(planning: Planning) -> None:
    campaign, other = planning.plan(), planning.plan()
    taken, free = planning.assign(), planning.assign()
    planning.add(campaign, taken)
    answer = planning.add(other, free, taken)
    assert refused(answer) == (409, "assignment_in_campaign")
    assert answer.json()["assignments"] == [taken]
    assert members(planning, other) == []
    assert members(planning, campaign) == [taken]


@pytest.mark.parametrize(
    ("planned_from", "planned_until", "fits"),
    [(-10, 20, True), (-11, 20, False), (-10, 21, False), (-30, -20, False), (5, 6, True)],
)
def test_the_period_of_an_assignment_lies_within_the_campaign_s(
    planning: Planning, planned_from: int, planned_until: int, fits: bool
) -> None:
    assignment = planning.assign(planned_from=in_days(planned_from), planned_until=in_days(planned_until))
    campaign, inside = planning.plan(), planning.assign()
    answer = planning.add(campaign, inside, assignment)
    if fits:
        assert answer.json() == {"changed": 2, "unchanged": 0}
        return
    assert refused(answer) == (422, "assignments_misfit")
    assert answer.json()["outside_period"] == [assignment]
    assert (answer.json()["outside_region"], answer.json()["cancelled"]) == ([], [])
    assert members(planning, campaign) == []


def test_the_site_of_an_assignment_lies_in_the_campaign_s_region(planning: Planning) -> None:
    world = planning.world
    elsewhere = Planning(world, region=world.other_town).assign()
    narrow, wide = planning.plan(region_id=str(world.town)), planning.plan(region_id=str(world.city))
    answer = planning.add(narrow, planning.assign(), elsewhere)
    assert refused(answer) == (422, "assignments_misfit")
    assert answer.json()["outside_region"] == [elsewhere]
    assert planning.add(wide, elsewhere).status_code == 200


def test_a_cancelled_assignment_is_not_added_and_one_cancelled_later_can_be_taken_out(
    planning: Planning,
) -> None:
    campaign, before, later = planning.plan(), planning.assign(), planning.assign()
    planning.cancel(before)
    answer = planning.add(campaign, before)
    assert refused(answer) == (422, "assignments_misfit")
    assert answer.json()["cancelled"] == [before]
    planning.add(campaign, later)
    planning.cancel(later)
    assert members(planning, campaign, status="cancelled") == [later]
    assert planning.remove(campaign, later).json() == {"changed": 1, "unchanged": 0}


def test_what_the_planner_does_not_see_is_not_found_and_nothing_is_added(planning: Planning) -> None:
    world, campaign = planning.world, planning.plan()
    local = world.person("supervisor", region=world.district)
    elsewhere, own = Planning(world, region=world.other_town).assign(), planning.assign()
    for unseen in (elsewhere, str(new_id())):
        assert planning.add(campaign, own, unseen, by=local).status_code == 404
    assert members(planning, campaign) == []


def test_a_district_puts_its_own_assignments_into_the_citys_campaign_and_takes_only_these_out(
    planning: Planning,
) -> None:
    world = planning.world
    campaign = planning.plan(region_id=str(world.city))
    elsewhere, own = Planning(world, region=world.other_town).assign(), planning.assign()
    planning.add(campaign, elsewhere)
    local = world.person("approver", region=world.district)
    assert planning.add(campaign, own, by=local).json() == {"changed": 1, "unchanged": 0}
    shown = local.get(f"{PATH}/{campaign['id']}/assignments").json()["items"]
    assert [row["id"] for row in shown] == [own]
    for foreign in ((elsewhere,), (own, elsewhere)):
        assert planning.remove(campaign, *foreign, by=local).status_code == 404
    assert sorted(members(planning, campaign)) == sorted([elsewhere, own])
    assert planning.remove(campaign, own, by=local).json() == {"changed": 1, "unchanged": 0}
    assert members(planning, campaign) == [elsewhere]


def test_who_reads_in_a_district_and_manages_in_a_town_moves_the_towns_assignments_alone(
    planning: Planning,
) -> None:
    world = planning.world
    campaign = planning.plan(region_id=str(world.city))
    neighbouring, own = Planning(world, region=world.neighbour_town).assign(), planning.assign()
    planning.add(campaign, neighbouring)
    local = world.person("auditor", region=world.district)

    async def grant(session: AsyncSession) -> None:
        session.add(
            RoleGrant(user_id=local.user_id, role="supervisor", region_id=world.town, starts_on=LONG_AGO)
        )

    world.in_database(grant)
    for answer in (
        planning.add(campaign, own, neighbouring, by=local),
        planning.remove(campaign, neighbouring, by=local),
    ):
        assert answer.status_code == 403
    assert planning.add(campaign, own, by=local).status_code == 200
    assert sorted(members(planning, campaign)) == sorted([neighbouring, own])


def test_an_assignment_is_taken_out_until_it_was_visited(planning: Planning) -> None:
    campaign, first, second = planning.plan(), planning.assign(), planning.assign()
    planning.add(campaign, first, second)
    planning.visit(first)
    answer = planning.remove(campaign, first, second)
    assert refused(answer) == (409, "campaign_assignment_visited")
    assert answer.json()["assignments"] == [first]
    assert len(members(planning, campaign)) == 2
    for changed in (1, 0):  # a repeat changes nothing
        assert planning.remove(campaign, second).json() == {"changed": changed, "unchanged": 1 - changed}
    assert members(planning, campaign) == [first]
    assert planning.add(planning.plan(), second).json()["changed"] == 1
    assert audited(planning, campaign)[1:] == [("campaigns:remove_assignments", {"assignment_ids": [second]})]


def test_what_is_visited_while_it_is_being_taken_out_stays(planning: Planning) -> None:
    campaign, assignment = planning.plan(), planning.assign()
    planning.add(campaign, assignment)

    async def visit(session: AsyncSession) -> Any:
        mine = update(Assignment).where(Assignment.id == UUID(assignment))
        await session.execute(mine.values(status="visited"))
        return await waiting(session, lambda: planning.remove(campaign, assignment), pool)

    with ThreadPoolExecutor(1) as pool:
        answer = planning.world.in_database(visit).result(timeout=30)
    assert refused(answer) == (409, "campaign_assignment_visited")
    assert members(planning, campaign) == [assignment]


def test_what_is_put_in_while_others_are_being_taken_out_stays(planning: Planning) -> None:
    """It was not there to be checked: here it was visited."""
    campaign, old, new = planning.plan(), planning.assign(), planning.assign()
    planning.add(campaign, old)
    planning.visit(new)

    async def put_in(session: AsyncSession) -> Any:
        await session.execute(select(Assignment.id).where(Assignment.id == UUID(old)).with_for_update())
        answer = await waiting(session, lambda: planning.remove(campaign, old, new), pool)
        row = {"assignment_id": UUID(new), "campaign_id": UUID(campaign["id"])}
        session.add(CampaignAssignment(**row, added_by=planning.planner.user_id))
        return answer

    with ThreadPoolExecutor(1) as pool:
        answer = planning.world.in_database(put_in).result(timeout=30)
    assert answer.json() == {"changed": 1, "unchanged": 1}
    assert members(planning, campaign) == [new]


def test_a_removal_reaches_no_other_campaign(planning: Planning) -> None:
    campaign, other, assignment = planning.plan(), planning.plan(), planning.assign()
    planning.add(campaign, assignment)
    assert planning.remove(other, assignment).json() == {"changed": 0, "unchanged": 1}
    planning.visit(assignment)
    assert planning.remove(other, assignment).json() == {"changed": 0, "unchanged": 1}
    assert members(planning, campaign) == [assignment]


def test_a_visited_assignment_is_added_when_the_campaign_is_entered_late(planning: Planning) -> None:
    assignment = planning.assign()
    planning.visit(assignment)
    campaign = planning.plan()
    assert planning.add(campaign, assignment).json()["changed"] == 1
    assert members(planning, campaign, status="visited") == [assignment]


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "open"), [(1, 30, True), (0, 30, True), (-30, 0, True), (-30, -1, False)]
)
def test_a_campaign_takes_and_loses_assignments_until_its_last_day_has_passed(
    planning: Planning, starts_on: int, ends_on: int, open: bool
) -> None:
    period = {"planned_from": in_days(starts_on), "planned_until": in_days(ends_on)}
    campaign = planning.plan(starts_on=in_days(-40), ends_on=in_days(40))
    old, new = planning.assign(**period), planning.assign(**period)
    planning.add(campaign, old)
    planning.move(campaign, in_days(starts_on), in_days(ends_on))
    added, removed = planning.add(campaign, new), planning.remove(campaign, old)
    if open:
        assert (added.json()["changed"], removed.json()["changed"]) == (1, 1)
        assert members(planning, campaign) == [new]
    else:
        assert refused(added) == refused(removed) == (409, "campaign_closed")
        assert members(planning, campaign) == [old]


def test_a_closed_campaign_goes_on_when_its_last_day_is_put_off(planning: Planning) -> None:
    campaign = planning.plan(starts_on=in_days(-20), ends_on=in_days(-1))
    assert campaign["state"] == "closed"
    longer = planning.content(starts_on=in_days(-20), ends_on=in_days(20))
    answer = planning.planner.put(f"{PATH}/{campaign['id']}", version=1, json=longer)
    assert answer.json()["state"] == "running"
    assert planning.add(campaign, planning.assign()).json()["changed"] == 1


@pytest.mark.parametrize(
    ("first", "last", "kept"), [(0, 7, True), (-99, 99, True), (1, 7, False), (0, 6, False)]
)
def test_a_new_period_leaves_none_of_its_assignments_outside(
    planning: Planning, first: int, last: int, kept: bool
) -> None:
    campaign, assignment = planning.plan(), planning.assign()  # from today for a week
    planning.add(campaign, assignment)
    moved = planning.content(starts_on=in_days(first), ends_on=in_days(last))
    answer = planning.planner.put(f"{PATH}/{campaign['id']}", version=1, json=moved)
    if kept:
        assert answer.status_code == 200
        return
    assert refused(answer) == (422, "campaign_period")
    assert (answer.json()["count"], answer.json()["assignments"]) == (1, [assignment])
    assert planning.planner.get(f"{PATH}/{campaign['id']}").json() == campaign


def test_of_two_campaigns_that_reach_for_the_same_assignments_at_once_one_gets_them_all(
    planning: Planning,
) -> None:
    campaigns = [planning.plan(), planning.plan()]
    batch = [planning.assign() for _ in range(6)]
    orders = [batch, batch[::-1]]
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda n: planning.add(campaigns[n], *orders[n]), range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert sorted(len(members(planning, campaign)) for campaign in campaigns) == [0, 6]


def test_an_assignment_added_while_the_period_is_shortened_is_never_outside_it(planning: Planning) -> None:
    campaign, assignment = planning.plan(), planning.assign()  # from today for a week
    path, shorter = f"{PATH}/{campaign['id']}", planning.content(ends_on=in_days(6))
    acts = [
        lambda: planning.add(campaign, assignment),
        lambda: planning.planner.put(path, version=1, json=shorter),
    ]
    with ThreadPoolExecutor(2) as both:
        added, shortened = both.map(lambda act: act(), acts)
    assert sorted((added.status_code, shortened.status_code)) == [200, 422]


def test_the_campaign_s_assignments_page_without_a_query_per_row(
    planning: Planning, runtime: Runtime
) -> None:
    campaign, made = planning.plan(), [planning.assign() for _ in range(5)]
    planning.assign()
    planning.add(campaign, *made)
    path = f"{PATH}/{campaign['id']}/assignments"
    with recorded_queries(runtime.database) as few:
        first = planning.planner.get(path, params={"limit": 2}).json()
    with recorded_queries(runtime.database) as more:
        rest = planning.planner.get(path, params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [row["id"] for row in (*first["items"], *rest["items"])] == sorted(made, reverse=True)
    assert first["items"][0] == planning.planner.get(f"{ASSIGNMENTS}/{first['items'][0]['id']}").json()
    assert len(few) == len(more) <= 6
