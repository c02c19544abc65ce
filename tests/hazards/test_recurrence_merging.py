"""Merging loses no return: neither what one of the two is the return of, nor what comes back of it; and parting restores it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.models.hazards import HazardDuplicate
from app.services.hazards.export_lines import HEADER, export_page
from app.services.hazards.registry import HazardFilter, conditions_of, count_where
from tests.factories.cases import Docket
from tests.factories.world import World
from tests.hazards.test_duplicates import PATH
from tests.hazards.test_recurrences import FURTHER, LEADING, Site
from tests.hazards.test_risk_units import add_unit

Row = dict[str, Any]


class Plant(Site):
    """A site with a risk unit that some officers name and others do not."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.unit = {"risk_unit_id": str(add_unit(world, self.field))}
        self.chief = world.person("approver")

    def merge(self, merged: Row, kept: Row) -> UUID:
        """The one is merged into the other; the pair."""
        ids = sorted(UUID(one["id"]) for one in (merged, kept))

        async def propose(session: AsyncSession) -> UUID:
            pair = HazardDuplicate(hazard_id=ids[1], other_id=ids[0], region_id=self.field.region, reasons=[])
            session.add(pair)
            await session.flush()
            return pair.id

        pair: UUID = self.world.in_database(propose)
        body = {"kept_id": kept["id"], "reason": "同一处问题"}
        answer = self.chief.post(f"{PATH}/{pair}/merging", json=body, version=1)
        assert answer.status_code == 200, answer.text
        return pair

    def part(self, pair: UUID) -> None:
        answer = self.chief.post(f"{PATH}/{pair}/undoing", json={"reason": "两处"}, version=2)
        assert answer.status_code == 200, answer.text

    def came_back_from(self, hazard: Row) -> list[str]:
        return [link["hazard_id"] for link in self.shown(hazard)["came_back_from"]]

    def exported(self) -> set[str]:
        """The numbers of what an export says has come back, whether it is narrowed to that or not; as many are counted."""

        async def lines(session: AsyncSession) -> set[str]:
            told = []
            for narrowed in (HazardFilter(), HazardFilter(recurrent=True)):
                rows, _ = await export_page(session, [self.world.town], narrowed, None, 50)
                told.append({str(row[0]) for row in rows if row[HEADER.index("是否反弹")] == "是"})
            assert told[0] == told[1]
            conditions = conditions_of([self.world.town], HazardFilter(recurrent=True), from_returns=True)
            assert sum(row[2] for row in await count_where(session, conditions)) == len(told[0])
            return told[0]

        found: set[str] = self.world.in_database(lines)
        return found

    def in_risk(self) -> int:
        shown = self.chief.get(f"/api/v1/enterprises/{self.field.enterprise_id}/risk").json()
        parts = {part["code"]: part["count"] for part in shown["score"]["parts"]}
        assert shown["came_back"] == parts["came_back"]
        return int(shown["came_back"])

    def case_on(self, hazard: Row) -> str:
        docket = Docket(self.world)
        docket.field = self.field
        return str(docket.open(UUID(hazard["id"]))["id"])

    def aggravating(self, case: str) -> list[tuple[str, str]]:
        """(number, what it is the return of)."""
        shown = self.chief.get(f"/api/v1/cases/{case}").json()["circumstances"]
        return [(one["number"], one["earlier_id"]) for one in shown]


@pytest.fixture
def plant(world: World) -> Plant:
    return Plant(world)


def returned(plant: Plant) -> tuple[Row, Row, Row]:
    """A closed hazard of the unit; its return; and another finding of that, which names no unit."""
    first = plant.find(**plant.unit)
    plant.close(first, shanghai_today() - timedelta(days=4))
    return first, plant.find(**plant.unit), plant.find()


@pytest.mark.parametrize("kept", ["the return", "the other"])
def test_what_stays_has_come_back_as_what_was_merged_into_it_has(plant: Plant, kept: str) -> None:
    first, again, other = returned(plant)
    assert plant.recurrent() == {again["number"]}
    merged, stays = (other, again) if kept == "the return" else (again, other)
    pair = plant.merge(merged, stays)
    assert plant.recurrent() == plant.exported() == {stays["number"]}
    assert plant.came_back_from(stays) == [first["id"]]
    assert plant.in_risk() == 1
    case = plant.case_on(stays)
    assert plant.aggravating(case) == [(again["number"], first["id"])]
    plant.part(pair)
    assert plant.recurrent() == plant.exported() == {again["number"]}
    assert (plant.came_back_from(again), plant.came_back_from(other)) == ([first["id"]], [])
    assert plant.in_risk() == 1
    assert plant.aggravating(case) == ([(again["number"], first["id"])] if stays is again else [])


@pytest.mark.parametrize("kept", ["with the unit", "without"])
def test_what_comes_back_of_either_is_the_return_of_the_one_that_was_closed(plant: Plant, kept: str) -> None:
    named, unnamed = plant.find(**plant.unit), plant.find()
    stays, merged = (named, unnamed) if kept == "with the unit" else (unnamed, named)
    plant.merge(merged, stays)
    plant.close(stays, shanghai_today())
    back = [plant.find(**plant.unit), plant.find()]
    assert [plant.came_back_from(one) for one in back] == [[stays["id"]], [stays["id"]]]
    assert {one["hazard_id"] for one in plant.shown(stays)["came_back_as"]} == {one["id"] for one in back}
    assert plant.rebounds("item") == {"RTO-01": (1, 1)}


def test_over_several_mergings_too(plant: Plant) -> None:
    named, middle, last = plant.find(**plant.unit), plant.find(), plant.find()
    plant.merge(named, middle)
    plant.merge(middle, last)
    plant.close(last, shanghai_today())
    again = plant.find(**plant.unit)
    assert plant.came_back_from(again) == [last["id"]]
    further, top = plant.find(), plant.find()
    plant.merge(again, further)
    plant.merge(further, top)
    assert set(plant.came_back_from(top)) == {last["id"]}
    assert plant.in_risk() == 1


def test_what_was_parted_before_the_closing_is_no_like_of_what_was_closed(plant: Plant) -> None:
    named, unnamed = plant.find(**plant.unit), plant.find()
    plant.part(plant.merge(named, unnamed))
    plant.close(unnamed, shanghai_today())
    assert plant.came_back_from(plant.find(**plant.unit)) == []
    plant.close(named, shanghai_today())
    assert plant.came_back_from(plant.find(**plant.unit)) == [named["id"]]


def test_a_return_noticed_while_two_were_one_stays_when_they_are_parted(plant: Plant) -> None:
    """It was written down, and is for ever; what is found afterwards is no longer one."""
    named, unnamed = plant.find(**plant.unit), plant.find()
    pair = plant.merge(named, unnamed)
    plant.close(unnamed, shanghai_today())
    noticed = plant.find(**plant.unit)
    plant.part(pair)
    assert plant.came_back_from(noticed) == [unnamed["id"]]
    assert plant.came_back_from(plant.find(**plant.unit)) == []


@pytest.mark.parametrize("kept", [0, 1])
def test_the_clauses_of_both_come_back_and_are_counted(plant: Plant, kept: int) -> None:
    both = plant.find("RTO-01"), plant.find("RTO-02")
    for hazard, clause in zip(both, (LEADING, FURTHER), strict=True):
        plant.confirm(hazard, clause)
    stays = both[kept]
    plant.merge(both[1 - kept], stays)
    plant.close(stays, shanghai_today())
    assert plant.rebounds() == {LEADING: (1, 0), FURTHER: (1, 0)}
    again = plant.find("RTO-05")
    plant.confirm(again, LEADING)
    assert plant.came_back_from(again) == [stays["id"]]
    assert plant.rebounds() == {LEADING: (1, 1), FURTHER: (1, 0)}
    plant.confirm(again, FURTHER)
    assert plant.rebounds() == {LEADING: (1, 1), FURTHER: (1, 1)}


def test_the_clauses_go_with_whom_they_were_confirmed_of_when_two_are_parted(plant: Plant) -> None:
    one, other = plant.find("RTO-01"), plant.find("RTO-02")
    plant.confirm(one, LEADING)
    plant.confirm(other, FURTHER)
    plant.part(plant.merge(other, one))
    plant.close(one, shanghai_today())
    assert plant.rebounds() == {LEADING: (1, 0)}
    again = plant.find("RTO-05")
    plant.confirm(again, FURTHER)
    assert plant.came_back_from(again) == []


def test_a_case_on_the_merged_one_is_aggravated_by_what_the_one_that_stays_is_the_return_of(
    plant: Plant,
) -> None:
    first, again, other = returned(plant)
    case = plant.case_on(other)
    assert plant.aggravating(case) == []
    plant.merge(other, again)
    assert plant.aggravating(case) == [(again["number"], first["id"])]


def test_two_returns_of_one_that_are_merged_are_one_return(plant: Plant) -> None:
    first = plant.find()
    plant.close(first, shanghai_today())
    one, other = plant.find(), plant.find()
    assert plant.in_risk() == 2
    plant.merge(one, other)
    assert plant.in_risk() == 1
    assert plant.came_back_from(other) == [first["id"]]
    assert plant.aggravating(plant.case_on(other)) == [(other["number"], first["id"])]
    assert plant.rebounds("item") == {"RTO-01": (1, 1)}
