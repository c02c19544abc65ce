"""What a third-party client reads: its region, its scopes, ordered hazards and valid records; nothing else, page by page."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.hazards import Hazard
from app.services.runtime import Runtime
from tests.contracts.callers import api_client
from tests.factories.field import Field, photo
from tests.factories.orders import order
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries

SCOPES = ("enterprises:read", "hazards:read", "inspections:read")
HAZARDS, VISITS, ENTERPRISES = (f"/partner/v1/{name}" for name in ("hazards", "inspections", "enterprises"))
REQUIREMENT = "补充辨识并整改"
BAD = {"RTO-01": {"value": "no"}, "RTO-02": {"value": "no"}}


class Inspected:
    """One visit that found two hazards, and two partners: of its district and of the sibling."""

    def __init__(self, world: World) -> None:
        self.world, self.field = world, Field(world)
        self.officers = [world.person("inspector", region=world.town) for _ in range(2)]
        self.submit(self.officers)
        self.partner = api_client(world, world.district, SCOPES)
        self.stranger = api_client(world, world.other_district, SCOPES)

    def submit(self, officers: list[Person], field: Field | None = None) -> None:
        place, picture = field or self.field, photo(question="RTO-01")
        sender = place.phone(self.officers[0].user_id)
        team = [officer.user_id for officer in officers]
        package = sender.seal(place.document(place.publish("rto"), team, answers=BAD), [picture])
        assert sender.put_package(package).status_code == 201
        assert sender.put_photo(package, picture).status_code == 201

    def order(self) -> dict[str, Any]:
        hazard = self.officers[0].get("/api/v1/hazards").json()["items"][0]
        assert order(self.officers, hazard, requirement=REQUIREMENT).status_code == 201
        return dict(hazard)


@pytest.fixture
def inspected(world: World) -> Inspected:
    return Inspected(world)


def items(person: Person, path: str, **params: Any) -> list[dict[str, Any]]:
    answer = person.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def test_a_hazard_is_told_from_its_order_on(inspected: Inspected) -> None:
    assert items(inspected.partner, HAZARDS) == []
    hazard = inspected.order()
    (told,) = items(inspected.partner, HAZARDS)
    assert (told["id"], told["status"], told["is_overdue"]) == (hazard["id"], "ordered", False)
    assert told["order"]["number"].startswith("安应急责改")
    assert told["enterprise"]["name"] == "安市东风涂装有限公司"
    assert told["site"]["region_code"] == f"{inspected.world.code}0101"
    for hidden in ("source", "evidence_ids", "visit_id", "subject", "package_id", "region_id"):
        assert hidden not in told


@pytest.mark.parametrize("source", ["transfer", "patrol"])
def test_the_words_of_whoever_told_of_a_hazard_are_not_passed_on(inspected: Inspected, source: str) -> None:
    """A complaint that another authority passed on may name whoever complained: what was ordered is told instead."""
    hazard = inspected.order()
    words = "陈女士（13812341234）反映联锁被旁路"

    async def tell(session: AsyncSession) -> None:
        told_of = {"source": source, "description": words}
        await session.execute(update(Hazard).where(Hazard.id == UUID(hazard["id"])).values(**told_of))

    inspected.world.in_database(tell)
    (told,) = items(inspected.partner, HAZARDS)
    assert told["description"] == REQUIREMENT
    assert "陈女士" not in inspected.partner.get(HAZARDS).text


def test_a_visit_is_told_without_who_went_and_what_was_found(inspected: Inspected) -> None:
    (told,) = items(inspected.partner, VISITS)
    assert told["id"] == str(inspected.field.visit_id)
    assert set(told) == {"id", "kind", "visited_on", "authority_code", "enterprise", "site"}
    officers = {str(officer.user_id) for officer in inspected.officers}
    assert not any(one in inspected.partner.get(VISITS).text for one in officers)


def test_a_visit_without_a_valid_record_is_not_told(inspected: Inspected) -> None:
    alone = Field(inspected.world)
    inspected.submit(inspected.officers[:1], alone)
    assert str(alone.visit_id) not in inspected.partner.get(VISITS).text


def test_enterprises_are_told_without_grade_and_people(inspected: Inspected) -> None:
    (told,) = items(inspected.partner, ENTERPRISES)
    assert told["id"] == str(inspected.field.enterprise_id)
    assert not {"risk_grade", "employees", "annual_output_fen", "parent_id", "contacts"} & set(told)


@pytest.mark.parametrize("path", [HAZARDS, VISITS, ENTERPRISES])
def test_a_foreign_region_is_empty_and_a_missing_scope_refused(inspected: Inspected, path: str) -> None:
    inspected.order()
    narrowed = {} if path == ENTERPRISES else {"enterprise_id": str(inspected.field.enterprise_id)}
    assert items(inspected.stranger, path) == items(inspected.stranger, path, **narrowed) == []
    assert len(items(inspected.partner, path)) == 1
    other = {HAZARDS: "inspections:read", VISITS: "hazards:read", ENTERPRISES: "hazards:read"}[path]
    narrow = api_client(inspected.world, inspected.world.city, (other,))
    assert narrow.get(path).status_code == 403


def test_pages_go_on_where_they_ended_and_new_records_come_last(inspected: Inspected) -> None:
    for _ in range(2):
        inspected.submit(inspected.officers, Field(inspected.world))
    first = inspected.partner.get(VISITS, params={"limit": 2}).json()
    inspected.submit(inspected.officers, Field(inspected.world))
    rest = inspected.partner.get(VISITS, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    seen = [row["id"] for row in first["items"] + rest["items"]]
    assert (len(set(seen)), rest["next_cursor"]) == (4, None)
    assert seen == sorted(seen)
    foreign = inspected.stranger.get(VISITS, params={"limit": 2, "cursor": first["next_cursor"]})
    assert foreign.json()["code"] == "invalid_cursor"


@pytest.mark.parametrize("path", [HAZARDS, VISITS, ENTERPRISES])
def test_a_page_costs_the_same_whatever_it_holds(inspected: Inspected, path: str, runtime: Runtime) -> None:
    inspected.order()
    with recorded_queries(runtime.database) as sent:
        items(inspected.partner, path)
    assert len(sent) <= 4
