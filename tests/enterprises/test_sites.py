"""Sites: where they are, who operates them on which day, what stands on them; and who may see and change that."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.core.geo import from_wgs84
from app.core.ids import new_id
from app.models.history import AuditEntry
from app.models.inspections import Assignment, AssignmentMember
from app.services.runtime import Runtime
from tests.factories.enterprises import register, register_site, site_body
from tests.factories.field import Field
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries

SITES = "/api/v1/sites"
PLACE = (30_250_000, 120_160_000)


@pytest.fixture
def officer(world: World) -> Person:
    return world.person("inspector", region=world.town)


@pytest.fixture
def site(officer: Person, world: World) -> dict[str, Any]:
    return register_site(officer, world, register(officer, world)["id"])


@pytest.mark.parametrize("datum", ["wgs84", "cgcs2000", "gcj02", "bd09"])
def test_a_position_is_kept_in_wgs84_with_the_datum_it_was_declared_in(
    officer: Person, world: World, datum: str
) -> None:
    latitude, longitude = from_wgs84(*PLACE, datum)
    position = {"latitude": latitude, "longitude": longitude, "datum": datum}
    made = register_site(officer, world, register(officer, world)["id"], position=position)
    assert abs(made["latitude"] - PLACE[0]) <= 2
    assert abs(made["longitude"] - PLACE[1]) <= 2
    assert made["declared_datum"] == datum


@pytest.mark.parametrize(
    "position",
    [
        {"latitude": 0, "longitude": 0, "datum": "gcj02"},
        {"latitude": 3, "longitude": -999, "datum": "wgs84"},
        {"latitude": 90_000_001, "longitude": 0, "datum": "wgs84"},
        {"latitude": 30_000_000, "longitude": 180_000_001, "datum": "wgs84"},
        {"latitude": 30.5, "longitude": 120, "datum": "wgs84"},
        {"latitude": 30_000_000, "longitude": 120_000_000},
        {"latitude": 30_000_000, "longitude": 120_000_000, "datum": "nad27"},
    ],
)
def test_positions_that_are_none_are_refused(officer: Person, world: World, position: dict[str, Any]) -> None:
    enterprise = register(officer, world)["id"]
    answer = officer.post(SITES, json=site_body(world, enterprise, position=position))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def square(metres: int, datum: str = "wgs84") -> dict[str, Any]:
    step = metres * 9
    corners = [(0, 0), (0, step), (step, step), (step, 0)]
    return {"datum": datum, "ring": [from_wgs84(PLACE[0] + n, PLACE[1] + e, datum) for n, e in corners]}


def test_a_geofence_is_converted_and_kept(officer: Person, site: dict[str, Any]) -> None:
    answer = officer.patch(f"{SITES}/{site['id']}", version=1, json={"geofence": square(200, "gcj02")})
    fence = answer.json()["geofence"]
    assert fence["datum"] == "wgs84"
    for kept, drawn in zip(fence["ring"], square(200)["ring"], strict=True):
        assert abs(kept[0] - drawn[0]) <= 2
        assert abs(kept[1] - drawn[1]) <= 2
    cleared = officer.patch(f"{SITES}/{site['id']}", version=2, json={"geofence": None}).json()
    assert (cleared["geofence"], cleared["version"]) == (None, 3)


CROSSED = [
    (PLACE[0] + north, PLACE[1] + east) for north, east in ((0, 0), (9000, 9000), (9000, 0), (0, 9000))
]


@pytest.mark.parametrize(
    ("fence", "code"),
    [
        ({"datum": "wgs84", "ring": CROSSED}, "geofence_invalid"),
        (square(1), "geofence_invalid"),
        (square(9_000), "geofence_invalid"),
        ({"datum": "wgs84", "ring": [PLACE, PLACE, PLACE]}, "geofence_invalid"),
        ({"datum": "wgs84", "ring": [PLACE, PLACE]}, "invalid"),
        ({"datum": "wgs84", "ring": [PLACE] * 501}, "invalid"),
    ],
)  # fmt: skip
def test_outlines_that_are_no_place_of_work_are_refused(
    officer: Person, site: dict[str, Any], fence: dict[str, Any], code: str
) -> None:
    answer = officer.patch(f"{SITES}/{site['id']}", version=1, json={"geofence": fence})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


class Links:
    """Writing links of one site, one version after the other."""

    def __init__(self, person: Person, site: dict[str, Any]) -> None:
        self.person, self.site = person, site

    def add(self, enterprise_id: str, begin: str, end: str | None = None, role: str = "operator") -> Any:
        body = {"enterprise_id": enterprise_id, "role": role, "valid_from": begin, "valid_until": end}
        return self._sent("POST", "links", body)

    def end(self, link_id: str, day: str | None) -> Any:
        return self._sent("PATCH", f"links/{link_id}", {"valid_until": day})

    def _sent(self, method: str, path: str, body: dict[str, Any]) -> Any:
        address = f"{SITES}/{self.site['id']}"
        answer = self.person.request(method, f"{address}/{path}", version=self.site["version"], json=body)
        if answer.status_code < 300:
            self.site = answer.json()
        return answer


def test_a_site_has_at_most_one_operator_on_any_day(
    officer: Person, world: World, site: dict[str, Any]
) -> None:
    first, second = register(officer, world)["id"], register(officer, world)["id"]
    links = Links(officer, site)
    assert links.add(first, "2024-01-01", "2024-12-31").status_code == 201
    for begin, end in (
        ("2024-12-31", None),
        ("2023-01-01", "2024-01-01"),
        ("2023-01-01", None),
        ("2024-06-01", "2024-06-02"),
    ):
        answer = links.add(second, begin, end)
        assert (answer.status_code, answer.json()["code"]) == (409, "site_link_overlap")
    assert links.add(second, "2025-01-01").status_code == 201
    assert links.site["operator_id"] == second
    earlier, later = links.site["links"]
    assert (earlier["enterprise_id"], later["valid_until"]) == (first, None)
    assert links.end(earlier["id"], "2025-01-01").json()["code"] == "site_link_overlap"
    assert links.end(later["id"], "2024-12-31").json()["code"] == "site_link_period"
    yesterday = shanghai_today() - timedelta(days=1)
    assert links.end(later["id"], yesterday.isoformat()).json()["operator_id"] is None
    assert links.end(str(new_id()), None).status_code == 404


def test_two_operators_named_at_once_do_not_both_get_the_site(
    officer: Person, world: World, site: dict[str, Any]
) -> None:
    enterprises = [register(officer, world)["id"] for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda one: Links(officer, dict(site)).add(one, "2024-01-01"), enterprises))
    assert sorted(answer.status_code for answer in answers)[0] == 201
    assert all(answer.status_code in (409, 412) for answer in answers if answer.status_code != 201)
    assert len(officer.get(f"{SITES}/{site['id']}").json()["links"]) == 1


def test_landlords_may_stand_side_by_side_but_not_twice(
    officer: Person, world: World, site: dict[str, Any]
) -> None:
    first, second = register(officer, world)["id"], register(officer, world)["id"]
    links = Links(officer, site)
    assert links.add(first, "2024-01-01", role="landlord").status_code == 201
    assert links.add(second, "2024-01-01", role="landlord").status_code == 201
    assert links.add(first, "2025-01-01", role="landlord").status_code == 409
    assert links.add(first, "2025-01-01").status_code == 201
    assert links.add(second, "2025-02-01", "2025-01-01").status_code == 422
    assert links.add(second, "2025-01-01", role="tenant").status_code == 422


def test_links_count_the_version_of_their_site(officer: Person, world: World, site: dict[str, Any]) -> None:
    other = register(officer, world)["id"]
    assert Links(officer, site).add(other, "2024-01-01").headers["ETag"] == '"2"'
    assert Links(officer, site).add(other, "2020-01-01", "2020-12-31").status_code == 412
    body = {"enterprise_id": other, "role": "operator", "valid_from": "2020-01-01", "valid_until": None}
    assert officer.post(f"{SITES}/{site['id']}/links", json=body).status_code == 428


FACTS: list[dict[str, Any]] = [
    {"kind": "rto", "chambers": 3, "commissioned_on": "2023-05-01", "fuel": "natural_gas"},
    {"kind": "spray_booth", "coating": "solvent", "people_at_most": 4},
    {"kind": "confined_space", "space": "underground", "toxic_risk": True, "isolation_points": 2},
    {"kind": "hot_work_point", "is_fixed_area": False, "height_m": 2.5},
    {"kind": "dust", "dust": "wood", "people_at_most": 12, "collector": "dry"},
    {"kind": "ammonia", "charge_kg": 4000, "has_quick_freezer": True},
]


@pytest.mark.parametrize("facts", FACTS, ids=lambda facts: facts["kind"])
def test_units_carry_the_facts_of_their_kind(
    officer: Person, site: dict[str, Any], facts: dict[str, Any]
) -> None:
    path = f"{SITES}/{site['id']}/units"
    unit = officer.post(path, json={"name": "1号", "facts": facts}).json()
    known = {name: value for name, value in facts.items() if name != "kind"}
    assert (unit["kind"], unit["facts"], unit["version"]) == (facts["kind"], known, 1)
    assert officer.get(f"{SITES}/{site['id']}").json()["units"] == [unit]
    twice = officer.post(path, json={"name": "1号", "facts": facts})
    assert (twice.status_code, twice.json()["code"]) == (409, "risk_unit_exists")
    emptied = officer.patch(f"{path}/{unit['id']}", version=1, json={"facts": {"kind": facts["kind"]}}).json()
    assert (emptied["facts"], emptied["version"]) == ({}, 2)
    retired = officer.patch(f"{path}/{unit['id']}", version=2, json={"is_active": False}).json()
    assert retired["is_active"] is False
    same = officer.patch(f"{path}/{unit['id']}", version=3, json={"name": "1号"})
    assert same.headers["ETag"] == '"3"'


@pytest.mark.parametrize(
    "facts",
    [{"kind": "rto", "charge_kg": 3}, {"kind": "boiler"}, {"chambers": 3}, {"kind": "dust", "dust": "stardust"},
     {"kind": "ammonia", "charge_kg": -1}, {"kind": "rto", "chambers": "many"}, {"kind": "hot_work_point", "height_m": 1e9}],
)  # fmt: skip
def test_facts_of_another_kind_or_type_are_refused(
    officer: Person, site: dict[str, Any], facts: dict[str, Any]
) -> None:
    answer = officer.post(f"{SITES}/{site['id']}/units", json={"name": "x", "facts": facts})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_a_repeated_request_makes_no_second_site_or_unit(officer: Person, world: World) -> None:
    body = site_body(world, register(officer, world)["id"])
    headers = {"Idempotency-Key": "site"}
    first, second = (officer.post(SITES, json=body, headers=headers) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    units, unit = f"{SITES}/{first.json()['id']}/units", {"name": "x", "facts": {"kind": "rto"}}
    answers = [officer.post(units, json=unit, headers={"Idempotency-Key": "unit"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert officer.post(units, json=unit, headers={"Idempotency-Key": ""}).status_code == 400


def test_the_kind_of_a_unit_never_changes(officer: Person, site: dict[str, Any]) -> None:
    path = f"{SITES}/{site['id']}/units"
    unit = officer.post(path, json={"name": "x", "facts": {"kind": "rto"}}).json()
    answer = officer.patch(f"{path}/{unit['id']}", version=1, json={"facts": {"kind": "dust"}})
    assert (answer.status_code, answer.json()["code"]) == (422, "risk_unit_kind")
    assert officer.get(f"{SITES}/unit-facts").json()["discriminator"]["propertyName"] == "kind"


def test_every_act_on_a_site_and_its_units_is_audited(
    officer: Person, world: World, site: dict[str, Any]
) -> None:
    path = f"{SITES}/{site['id']}"
    officer.patch(path, version=1, json={"address": "石桥路2号"})
    officer.post(f"{path}/units", json={"name": "x", "facts": {"kind": "rto"}})
    Links(officer, {**site, "version": 2}).add(site["enterprise_id"], "2024-01-01")

    async def actions(session: AsyncSession) -> list[str]:
        wanted = select(AuditEntry.action).where(AuditEntry.region_id == world.town).order_by(AuditEntry.id)
        return list((await session.execute(wanted)).scalars())

    assert world.in_database(actions) == [
        "enterprises:register", "enterprises:register_site", "enterprises:change_site", "enterprises:register_unit",
        "enterprises:link_site",
    ]  # fmt: skip


def test_lists_of_sites_are_narrowed_paged_and_bounded(
    officer: Person, world: World, runtime: Runtime
) -> None:
    enterprise, other = register(officer, world)["id"], register(officer, world)["id"]
    made = [register_site(officer, world, enterprise, name=f"{n}号厂区")["id"] for n in range(3)]
    register_site(officer, world, other)
    params = {"enterprise_id": enterprise, "region_id": str(world.city), "limit": 2}
    with recorded_queries(runtime.database) as sent:
        page = officer.get(SITES, params=params).json()
    assert len(sent) <= 3
    rest = officer.get(SITES, params={**params, "cursor": page["next_cursor"]}).json()
    assert [row["id"] for row in page["items"] + rest["items"]] == made[::-1]
    assert len(officer.get(SITES).json()["items"]) == 4
    assert officer.get(SITES, params={"is_active": False}).json()["items"] == []


@pytest.mark.parametrize(
    "role",
    ["administrator", "inspector", "case_officer", "legal_reviewer", "approver", "supervisor", "auditor", "safety_assistant"],
)  # fmt: skip
def test_each_role_does_what_the_matrix_says_and_sees_no_foreign_site(
    world: World, officer: Person, site: dict[str, Any], role: str
) -> None:
    path = f"{SITES}/{site['id']}"
    unit = officer.post(f"{path}/units", json={"name": "x", "facts": {"kind": "rto"}}).json()
    link = Links(officer, site).add(site["enterprise_id"], "2024-01-01").json()["links"][0]
    may_manage = role in ("inspector", "case_officer", "supervisor")
    at_home, abroad = world.person(role, region=world.town), world.person(role, region=world.other_district)
    assert at_home.get(path).status_code == 200
    assert abroad.get(path).status_code == abroad.get(f"/mobile/v1/sites/{site['id']}").status_code == 404
    assert abroad.get(SITES).json()["items"] == []
    writes: list[tuple[str, str, dict[str, Any]]] = [
        ("PATCH", path, {"name": "改名"}),
        (
            "POST",
            f"{path}/links",
            {"enterprise_id": site["enterprise_id"], "role": "operator", "valid_from": "2020-01-01"},
        ),
        ("PATCH", f"{path}/links/{link['id']}", {"valid_until": None}),
        ("POST", f"{path}/units", {"name": "y", "facts": {"kind": "rto"}}),
        ("PATCH", f"{path}/units/{unit['id']}", {"name": "z"}),
        ("POST", SITES, site_body(world, site["enterprise_id"])),
    ]
    for method, address, body in writes:
        assert abroad.request(method, address, version=1, json=body).status_code == (
            404 if may_manage else 403
        )
        if not may_manage:
            assert at_home.request(method, address, version=1, json=body).status_code == 403


def test_a_site_is_not_made_where_its_maker_does_not_manage(officer: Person, world: World) -> None:
    enterprise = register(officer, world)["id"]
    elsewhere = site_body(world, enterprise, region_id=str(world.other_town))
    assert officer.post(SITES, json=elsewhere).status_code == 403


class Sent:
    """An officer of another district with an assignment to a site."""

    def __init__(self, world: World) -> None:
        self.world, self.field = world, Field(world)
        self.officer = world.person("inspector", region=world.other_district)

    def assign(self, last_day: date, status: str = "assigned") -> None:
        async def make(session: AsyncSession) -> None:
            assignment = Assignment(
                id=new_id(), version=1, authority_id=self.world.authority, enterprise_id=self.field.enterprise_id,
                site_id=self.field.site_id, region_id=self.world.town, kind="inspection", status=status,
                planned_from=last_day - timedelta(days=3), planned_until=last_day, template_version_ids=[], hazard_ids=[],
                created_by=self.officer.user_id,
            )  # fmt: skip
            session.add(assignment)
            await session.flush()
            session.add(AssignmentMember(assignment_id=assignment.id, user_id=self.officer.user_id))

        self.world.in_database(make)

    def read(self) -> Any:
        return self.officer.get(f"/mobile/v1/sites/{self.field.site_id}")


def test_an_assignment_shows_its_team_the_site_until_its_last_day(world: World) -> None:
    sent, today = Sent(world), shanghai_today()
    assert sent.read().status_code == 404
    sent.assign(today - timedelta(days=1))
    sent.assign(today, status="cancelled")
    assert sent.read().status_code == 404
    sent.assign(today)
    shown = sent.read().json()
    assert shown["id"] == str(sent.field.site_id)
    assert shown["enterprise_name"] == "安市东风涂装有限公司"
    colleague = world.person("inspector", region=world.other_district)
    assert colleague.get(f"/mobile/v1/sites/{sent.field.site_id}").status_code == 404
    assert sent.officer.get(f"{SITES}/{sent.field.site_id}").status_code == 404
