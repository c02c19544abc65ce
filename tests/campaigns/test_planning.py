"""A campaign is planned, read and changed by those who plan assignments, within their regions; its state is its period's."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.enums.campaigns import CampaignState
from app.enums.identity import Role
from app.models.history import AuditEntry
from app.models.identity import User
from app.services.campaigns.period import state_on
from app.services.identity.policy import PERMISSIONS
from app.services.runtime import Runtime
from tests.factories.campaigns import ASSIGNMENTS, PATH, Planning, in_days
from tests.factories.world import LONG_AGO, World
from tests.organizations.test_jurisdiction import entrusted, office, over
from tests.support.queries import recorded_queries

FIRST, LAST = date(2026, 3, 1), date(2026, 5, 31)


@pytest.mark.parametrize(
    ("today", "state"),
    [
        (FIRST - timedelta(days=1), "planned"),
        (FIRST, "running"),
        (LAST, "running"),
        (LAST + timedelta(days=1), "closed"),
    ],
)
def test_a_campaign_runs_from_its_first_day_to_its_last(today: date, state: str) -> None:
    assert state_on(FIRST, LAST, today) == state


PERIODS = {
    CampaignState.PLANNED: [(1, 1), (1, 30)],
    CampaignState.RUNNING: [(0, 0), (-9, 0), (0, 9), (-9, 9)],
    CampaignState.CLOSED: [(-9, -1), (-1, -1)],
}


@pytest.mark.parametrize("state", CampaignState)
def test_the_list_by_state_holds_just_those_that_show_it(planning: Planning, state: CampaignState) -> None:
    for periods in PERIODS.values():
        for first, last in periods:
            planning.plan(starts_on=in_days(first), ends_on=in_days(last))
    shown = planning.planner.get(PATH, params={"state": state}).json()["items"]
    assert {row["state"] for row in shown} == {state}
    listed = sorted((row["starts_on"], row["ends_on"]) for row in shown)
    assert listed == sorted((in_days(first), in_days(last)) for first, last in PERIODS[state])


def test_a_planned_campaign_is_read_by_everybody_who_reads_inspections(planning: Planning) -> None:
    made = planning.plan()
    assert (made["version"], made["state"]) == (1, "running")
    assert made["created_by"] == str(planning.planner.user_id)
    for role in PERMISSIONS["inspections:read"]:
        reader = planning.world.person(role, region=planning.world.district)
        answer = reader.get(f"{PATH}/{made['id']}")
        assert (answer.json(), answer.headers["etag"]) == (made, '"1"')
        assert reader.get(PATH).json()["items"] == [made]


@pytest.mark.parametrize("role", sorted(set(Role) - PERMISSIONS["inspections:assign"]))
def test_whoever_does_not_plan_assignments_manages_no_campaign(planning: Planning, role: Role) -> None:
    made, somebody = planning.plan(), planning.world.person(role)
    assert somebody.post(PATH, json=planning.request()).status_code == 403
    path, members = f"{PATH}/{made['id']}", {"assignment_ids": [planning.assign()]}
    assert somebody.put(path, version=1, json=planning.content(name_zh="别名")).status_code == 403
    assert somebody.post(f"{path}/assignments", json=members).status_code == 403
    assert somebody.post(f"{path}/assignments/removal", json=members).status_code == 403
    assert planning.planner.get(path).json() == made


@pytest.mark.parametrize("role", ["supervisor", "approver"])
def test_who_plans_assignments_manages_campaigns_within_his_region(planning: Planning, role: str) -> None:
    world = planning.world
    inside, abroad = (
        world.person(role, region=world.district),
        world.person(role, region=world.other_district),
    )
    assert abroad.post(PATH, json=planning.request()).status_code == 403
    made = inside.post(PATH, json=planning.request()).json()
    path, members = f"{PATH}/{made['id']}", {"assignment_ids": [planning.assign()]}
    for answer in (
        abroad.get(path),
        abroad.put(path, version=1, json=planning.content()),
        abroad.get(f"{path}/progress"),
        abroad.get(f"{path}/assignments"),
        abroad.post(f"{path}/assignments", json=members),
        abroad.post(f"{path}/assignments/removal", json=members),
    ):
        assert answer.status_code == 404
    assert abroad.get(PATH).json()["items"] == []
    assert inside.post(f"{path}/assignments", json=members).json() == {"changed": 1, "unchanged": 0}


@pytest.mark.parametrize("below", ["district", "town"])
def test_a_campaign_of_the_city_is_read_by_those_who_carry_it_out_and_changed_by_none_of_them(
    planning: Planning, below: str
) -> None:
    whole = planning.plan(region_id=str(planning.world.city))
    local = planning.world.person("supervisor", "approver", region=getattr(planning.world, below))
    path = f"{PATH}/{whole['id']}"
    assert local.get(path).json() == whole
    assert local.get(PATH).json()["items"] == [whole]
    own = {"region_id": str(getattr(planning.world, below))}
    assert local.get(PATH, params=own).json()["items"] == []  # it is the city's, whoever reads it
    assert local.put(path, version=1, json=planning.content(name_zh="改名")).status_code == 403
    assert local.post(PATH, json=planning.request(region_id=str(planning.world.city))).status_code == 403
    assert planning.planner.get(path).json() == whole


def test_no_campaign_of_another_city_or_of_a_neighbour_is_read(planning: Planning) -> None:
    world = planning.world
    campaigns = [planning.plan(region_id=str(place)) for place in (world.city, world.district, world.town)]
    abroad = World(world.client, world.runtime, world.in_database)
    strangers = {
        abroad.person("supervisor"): [],
        abroad.person("supervisor", region=abroad.town): [],
        world.person("supervisor", region=world.other_district): campaigns[:1],
        world.person("supervisor", region=world.neighbour_town): campaigns[:2],
        world.person("supervisor", region=world.town): campaigns,
    }
    for stranger, readable in strangers.items():
        assert stranger.get(PATH).json()["items"] == readable[::-1]
        for campaign in campaigns:
            path, status = f"{PATH}/{campaign['id']}", 200 if campaign in readable else 404
            for door in ("", "/progress", "/assignments"):
                assert stranger.get(path + door).status_code == status


@pytest.mark.parametrize("own", ["none", "entrusted", "entrusted until yesterday", "entrusting"])
@pytest.mark.parametrize("act", ["campaign", "assignment"])
def test_what_is_planned_is_in_the_name_of_one_s_own_authority_or_of_one_that_has_entrusted_it(
    planning: Planning, act: str, own: str
) -> None:
    """The bureau covers the town in every case; whose supervisor plans makes the difference."""
    world, bureau = planning.world, planning.world.authority
    rows: list[Any] = [over(world.town)]
    if own.startswith("entrusted"):
        until = shanghai_today() - timedelta(days=1) if own.endswith("yesterday") else None
        rows.append(entrusted(bureau, LONG_AGO, until))
    town = office(world, *rows)

    async def move(session: AsyncSession) -> None:
        mine = update(User).where(User.id == planning.planner.user_id)
        await session.execute(mine.values(authority_id=town))
        if own == "entrusting":
            session.add(entrusted(town, LONG_AGO, None)(bureau))

    world.in_database(move)

    def planned(authority: UUID) -> Any:
        if act == "campaign":
            body = planning.request(authority_id=str(authority), region_id=str(world.town))
            return planning.planner.post(PATH, json=body)
        body = planning.assignment(authority_id=str(authority))
        return planning.planner.post(ASSIGNMENTS, json=body)

    answer = planned(bureau)
    if own == "entrusted":
        assert (answer.status_code, answer.json()["authority_id"]) == (201, str(bureau))
    else:
        code = {"campaign": "campaign_authority_name", "assignment": "assignment_authority"}[act]
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    if own != "entrusted until yesterday":
        assert planned(town).status_code == 201


def test_another_authoritys_campaign_is_not_changed(planning: Planning) -> None:
    made = planning.plan()
    town = office(planning.world, over(planning.world.town))

    async def move(session: AsyncSession) -> None:
        mine = update(User).where(User.id == planning.planner.user_id)
        await session.execute(mine.values(authority_id=town))

    planning.world.in_database(move)
    body = planning.content(name_zh="改名")
    answer = planning.planner.put(f"{PATH}/{made['id']}", version=1, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "campaign_authority_name")
    assert planning.planner.get(f"{PATH}/{made['id']}").json() == made


def test_the_authority_covers_the_region_on_the_first_and_on_the_last_day(planning: Planning) -> None:
    wrong = planning.request(starts_on="2019-12-31")  # the authority began on 1 January 2020
    answer = planning.planner.post(PATH, json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "campaign_authority")
    made = planning.plan()
    moved = planning.planner.put(
        f"{PATH}/{made['id']}", version=1, json=planning.content(starts_on="2019-12-31")
    )
    assert (moved.status_code, moved.json()["code"]) == (422, "campaign_authority")
    assert planning.planner.get(f"{PATH}/{made['id']}").json() == made


@pytest.mark.parametrize(
    "change",
    [
        {"ends_on": in_days(-11)},
        {"name_zh": " "},
        {"name_zh": "x" * 201},
        {"purpose": ""},
        {"state": "closed"},
    ],
)
def test_a_campaign_that_ends_before_it_begins_or_has_no_name_is_refused(
    planning: Planning, change: dict[str, Any]
) -> None:
    assert planning.planner.post(PATH, json=planning.request(**change)).status_code == 422


def test_a_change_needs_the_current_version_and_leaves_what_it_changed_in_the_audit_log(
    planning: Planning,
) -> None:
    made = planning.plan()
    path, new = f"{PATH}/{made['id']}", planning.content(name_en=None, ends_on=in_days(40))
    assert planning.planner.put(path, json=new).status_code == 428
    assert planning.planner.put(path, version=7, json=new).status_code == 412
    changed = planning.planner.put(path, version=1, json=new)
    assert changed.json() == {**made, **new, "version": 2}
    assert changed.headers["etag"] == '"2"'
    same = planning.planner.put(path, version=2, json=new)
    assert same.json() == changed.json()

    async def written(session: AsyncSession) -> Any:
        entries = select(AuditEntry.action, AuditEntry.detail, AuditEntry.user_id)
        wanted = entries.where(AuditEntry.object_id == UUID(made["id"])).order_by(AuditEntry.id)
        return [tuple(row) for row in await session.execute(wanted)]

    moved = {"changed": ["ends_on", "name_en"], "ends_on": [made["ends_on"], in_days(40)]}
    planner = planning.planner.user_id
    assert planning.world.in_database(written) == [
        ("campaigns:plan", None, planner),
        ("campaigns:change", moved, planner),
    ]


def test_the_same_request_twice_plans_one_campaign(planning: Planning) -> None:
    once = {"Idempotency-Key": "once"}
    first, again = (planning.planner.post(PATH, json=planning.request(), headers=once) for _ in range(2))
    assert first.json() == again.json()
    assert len(planning.planner.get(PATH).json()["items"]) == 1


def test_filters_narrow_the_list(planning: Planning) -> None:
    world = planning.world
    made = planning.plan(region_id=str(world.town), starts_on="2031-12-31", ends_on="2033-01-01")

    def found(**params: Any) -> bool:
        return planning.planner.get(PATH, params=params).json()["items"] == [made]

    assert all(found(region_id=str(one)) for one in (world.city, world.district, world.town))
    assert not found(region_id=str(world.other_district))
    assert found(authority_id=str(world.authority))
    assert not found(authority_id=str(world.town))
    assert [year for year in range(2030, 2035) if found(year=year)] == [2031, 2032, 2033]
    assert planning.planner.get(PATH, params={"state": "ended"}).status_code == 422


def test_a_list_pages_without_a_query_per_row(planning: Planning, runtime: Runtime) -> None:
    made = [planning.plan()["id"] for _ in range(5)]
    with recorded_queries(runtime.database) as few:
        first = planning.planner.get(PATH, params={"limit": 2}).json()
    with recorded_queries(runtime.database) as more:
        rest = planning.planner.get(PATH, params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [row["id"] for row in (*first["items"], *rest["items"])] == sorted(made, reverse=True)
    assert rest["next_cursor"] is None
    assert len(few) == len(more) <= 3


def test_the_database_itself_keeps_a_period_in_order(planning: Planning) -> None:
    planning.plan()

    async def turn_round(session: AsyncSession) -> None:
        await session.execute(text("UPDATE campaigns SET ends_on = starts_on - 1"))

    with pytest.raises(Exception, match="ck_campaigns_period"):
        planning.world.in_database(turn_round)
