"""The risk picture of an enterprise: what lies in the caller's regions, explained, for supervisors and officers alone."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.models.hazards import Hazard
from app.models.inspections import Visit
from app.services.identity.policy import CLIENT_SCOPES, PERMISSIONS
from app.services.runtime import Runtime
from tests.factories.field import Field
from tests.factories.patrols import Assistant
from tests.factories.world import Person, World
from tests.hazards.registering import Registry
from tests.hazards.test_recurrences import Site
from tests.hazards.test_reinspection import Story
from tests.support.queries import recorded_queries

LATE = {"status": "ordered", "due_on": shanghai_today() - timedelta(days=1)}


def shown(person: Person, enterprise_id: Any) -> dict[str, Any]:
    answer = person.get(f"/api/v1/enterprises/{enterprise_id}/risk")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def points(picture: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {part["code"]: (part["count"], part["points"]) for part in picture["score"]["parts"]}


def enterprise_with(world: World, *hazards: dict[str, Any], also_abroad: bool = False) -> UUID:
    registry = Registry(world)

    async def fill(session: AsyncSession) -> UUID:
        enterprise = await registry.enterprise(session, world.town, risk_grade="yellow")
        for region in (world.town, *([world.other_town] if also_abroad else [])):
            site = await registry.site(session, enterprise, region)
            for values in hazards:
                await registry.hazard(session, enterprise, site, region, **values)
        return enterprise

    made: UUID = world.in_database(fill)
    return made


def test_the_score_shows_its_parts_weights_and_version(world: World) -> None:
    major = {**LATE, "clause": "MEM10-7-5"}
    enterprise = enterprise_with(world, {}, {}, LATE, major, {"status": "closed"})
    picture = shown(world.person("supervisor"), enterprise)
    assert picture["hazards"] == [
        {"level": "major", "open": 1, "overdue": 1, "aggravated": 0},
        {"level": "general", "open": 3, "overdue": 1, "aggravated": 0},
    ]  # fmt: skip
    counted = {code: count for code, (count, _) in points(picture).items()}
    assert counted == {
        "major_open": 1, "major_overdue": 1, "general_open": 3, "general_overdue": 1, "aggravated": 0, "came_back": 0,
        "whistles_open": 0,
    }  # fmt: skip
    score = picture["score"]
    assert score["value"] == sum(part["points"] for part in score["parts"])
    for part in score["parts"]:
        assert part["points"] == min(part["count"] * part["weight"], part["cap"])
        assert part["zh"]
        assert part["en"]
    assert score["to_be_confirmed"] is picture["suggestion"]["to_be_confirmed"] is True
    assert score["version"]
    assert shown(world.person("auditor"), enterprise) == picture


def test_what_came_back_weighs_and_names_what_it_is_the_return_of(world: World) -> None:
    site = Site(world)
    first = site.find()
    before = shown(site.officers[0], site.field.enterprise_id)
    site.close(first, shanghai_today())
    closed = shown(site.officers[0], site.field.enterprise_id)
    again = site.find()
    after = shown(site.officers[0], site.field.enterprise_id)
    assert (before["came_back"], closed["came_back"], after["came_back"]) == (0, 0, 1)
    (back,) = after["returns"]
    assert (back["hazard_id"], back["earlier_id"], back["earlier_number"]) == (
        again["id"], first["id"], first["number"],
    )  # fmt: skip
    assert (back["ground"], back["days"]) == ("item", 0)
    assert closed["score"]["value"] < before["score"]["value"] < after["score"]["value"]
    assert [visit["visited_on"] for visit in after["visits"]] == [str(shanghai_today())] * 2
    assert after["suggestion"]["last_visit_on"] == str(shanghai_today())
    assert after["suggestion"]["is_due"] is False


def test_what_a_re_inspection_found_worse_weighs_until_it_is_rectified(world: World) -> None:
    """Found worse twice it counts once; found resolved, no more."""
    story = Story(world)
    seen = []
    for outcome in ("unchanged", "aggravated", "aggravated", "unchanged", "resolved"):
        story.visit_id = str(new_id())
        assert story.reinspect(story.result(0, outcome == "resolved", outcome=outcome)) == {}
        picture = shown(story.officers[0], story.field.enterprise_id)
        _, general = picture["hazards"]
        assert (general["aggravated"], general["open"]) == (points(picture)["aggravated"][0], 2)
        seen.append((general["aggravated"], picture["score"]["value"]))
    assert [number for number, _ in seen] == [0, 1, 1, 1, 0]
    assert seen[1][1] == seen[0][1] + 10
    assert picture["score"]["to_be_confirmed"] is True


def test_a_whistle_counts_until_it_is_answered(world: World) -> None:
    walker = Assistant(world)
    whistle = walker.send(walker.whistle_document()).id
    supervisor, enterprise = world.person("supervisor"), walker.field.enterprise_id
    picture = shown(supervisor, enterprise)
    assert (picture["whistles"], [one["id"] for one in picture["open_whistles"]]) == (1, [str(whistle)])
    assert picture["visits"] == []
    assert picture["suggestion"]["next_on"] is None
    assert picture["suggestion"]["is_due"] is True
    answer = supervisor.post(
        f"/api/v1/whistles/{whistle}/dismissal", json={"reason": "核实无异常"}, version=1
    )
    assert answer.status_code == 200, answer.text
    assert shown(supervisor, enterprise)["whistles"] == 0


def test_what_was_merged_into_another_counts_once(world: World) -> None:
    enterprise = enterprise_with(world, LATE, LATE)

    async def merge(session: AsyncSession) -> None:
        mine = select(Hazard.id).where(Hazard.enterprise_id == enterprise).order_by(Hazard.id)
        first, second = (await session.execute(mine)).scalars()
        await session.execute(update(Hazard).where(Hazard.id == second).values(merged_into_id=first))

    supervisor = world.person("supervisor")
    assert points(shown(supervisor, enterprise))["general_overdue"][0] == 2
    world.in_database(merge)
    assert points(shown(supervisor, enterprise))["general_overdue"][0] == 1


def test_the_picture_is_of_the_callers_regions(world: World) -> None:
    enterprise = enterprise_with(world, {}, LATE, also_abroad=True)
    city, town = (world.person("supervisor", region=region) for region in (world.city, world.town))
    assert [shown(one, enterprise)["hazards"][1]["open"] for one in (city, town)] == [4, 2]
    abroad = world.person("supervisor", region=world.other_district)
    assert abroad.get(f"/api/v1/enterprises/{enterprise}/risk").status_code == 404
    assert city.get(f"/api/v1/enterprises/{new_id()}/risk").status_code == 404


def test_every_inspection_is_counted_against_the_ceiling_and_re_inspections_are_not(world: World) -> None:
    field = Field(world)
    officers = [world.person("inspector", region=world.town) for _ in range(2)]
    phone, ids = field.phone(officers[0].user_id), [one.user_id for one in officers]

    def visit(kind: str, day: date) -> dict[str, Any]:
        field.visit_id = new_id()
        document = field.document(field.publish("rto"), ids, kind=kind, legal_date=day.isoformat())
        answer = phone.put_package(phone.seal(document, []))
        assert answer.status_code == 201, answer.text
        return dict(shown(officers[0], field.enterprise_id)["suggestion"])

    today = shanghai_today()
    assert visit("inspection", today.replace(year=today.year - 1, day=1))["ceiling"]["inspected"] == 0
    first = visit("inspection", today)
    assert (first["ceiling"]["inspected"], first["ceiling"]["is_reached"]) == (1, False)
    again = visit("reinspection", today)
    assert again["ceiling"] == first["ceiling"]
    second = visit("inspection", today)
    assert (second["ceiling"]["inspected"], second["ceiling"]["per_year"]) == (2, 2)
    assert second["ceiling"]["is_reached"] is True
    assert second["next_on"] >= f"{today.year + 1}-01-01"
    assert second["ceiling"]["to_be_confirmed"] is True
    assert "其余现场检查不论是否个案均已计入次数" in second["ceiling"]["uncounted_zh"]
    assert "every other inspection is in the count" in second["ceiling"]["uncounted_en"]


def test_inspections_count_against_the_ceiling_in_whatever_region_they_were(world: World) -> None:
    field = Field(world)
    officers = [world.person("inspector", region=world.town) for _ in range(2)]
    phone = field.phone(officers[0].user_id)
    document = field.document(field.publish("rto"), [one.user_id for one in officers])
    assert phone.put_package(phone.seal(document, [])).status_code == 201

    async def elsewhere(session: AsyncSession) -> None:
        await session.execute(update(Visit).values(region_id=world.other_town))

    world.in_database(elsewhere)
    picture = shown(world.person("supervisor", region=world.town), field.enterprise_id)
    assert picture["visits"] == []
    assert picture["suggestion"]["ceiling"]["inspected"] == 1


def test_no_assistant_and_no_partner_sees_a_score(world: World) -> None:
    enterprise = enterprise_with(world)
    for role in ("safety_assistant", "administrator"):
        assert world.person(role).get(f"/api/v1/enterprises/{enterprise}/risk").status_code == 403
    assert "risks:read" not in CLIENT_SCOPES
    assert "safety_assistant" not in PERMISSIONS["risks:read"]


def test_a_picture_costs_the_same_whatever_is_known(world: World, runtime: Runtime) -> None:
    supervisor = world.person("supervisor")
    costs = []
    for number in (1, 5):
        enterprise = enterprise_with(world, *[LATE] * number)
        with recorded_queries(runtime.database) as sent:
            shown(supervisor, enterprise)
        costs.append(len(sent))
    assert costs[0] == costs[1] <= 8
