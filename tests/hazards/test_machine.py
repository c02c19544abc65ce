"""The hazard's own machine: every step in every state through its door. What is not in the table is refused and leaves no trace."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.enums.hazards import HazardStatus
from app.enums.identity import Role
from app.models.hazards import Hazard
from app.services.hazards.workflow import STATES, TRANSITIONS
from app.services.identity.policy import PERMISSIONS
from tests.factories.cases import Docket
from tests.factories.world import Person, World

HAZARDS, ORDERS = "/api/v1/hazards", "/api/v1/rectification-orders"
TABLE: dict[str, dict[str, str]] = {
    "found": {"order": "ordered"},
    "ordered": {
        "order": "ordered",
        "report_rectified": "rectified",
        "reinspect": "reinspected",
        "reject_rectification": "ordered",
    },
    "rectified": {"reinspect": "reinspected", "reject_rectification": "ordered"},
    "reinspected": {"order": "ordered", "close": "closed"},
    "closed": {},
}
"""Written down a second time on purpose."""
MAY = {
    "order": "inspector",
    "report_rectified": "inspector",
    "reinspect": "inspector",
    "reject_rectification": "inspector",
    "close": "approver",
}
TRACES = {
    "hazard": "SELECT status, version, due_on, closed_on FROM hazards WHERE id = :id",
    "steps": "SELECT count(*) FROM hazard_steps WHERE hazard_id = :id",
    "orders": "SELECT count(*) FROM rectification_orders WHERE authority_id = :authority",
    "lines": "SELECT count(*) FROM rectification_order_lines WHERE hazard_id = :id",
    "clocks": "SELECT code, due_on, ended_on FROM clocks WHERE subject_id = :id ORDER BY id",
    "audit": "SELECT count(*) FROM audit_entries WHERE object_id = :id",
    "changes": "SELECT count(*) FROM changes WHERE object_id = :id",
    "numbers": "SELECT word, year, last FROM number_series WHERE authority_id = :authority ORDER BY 1, 2",
}
"""All that a step writes: of the hazard, its clocks, and the numbers of documents."""
DOORS: dict[str, Callable[["Desk"], tuple[str, dict[str, Any]]]] = {
    "order": lambda desk: ("order", desk.order),
    "report_rectified": lambda _: ("rectification", {"note": "已整改", "evidence_ids": []}),
    "reinspect": lambda desk: ("reinspection", {"visit_id": desk.visit, "is_rectified": True}),
    "reject_rectification": lambda desk: ("reinspection", {"visit_id": desk.visit, "is_rectified": False}),
    "close": lambda _: ("closure", {"note": "已销号"}),
}
"""The last part of the address and the body; an order is a document with a door of its own, and says what is refused by line."""


class Desk:
    """A hazard, a re-inspection of its site, and everybody of its town."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.docket = Docket(world)
        self.hazard = self.docket.hazard()
        self.people = {str(role): world.person(role, region=world.town) for role in Role}
        self.team = [self.people["inspector"].user_id, world.person("inspector").user_id]
        self.visit = self._revisit()

    @property
    def order(self) -> dict[str, Any]:
        return {"hazard_id": str(self.hazard), "days": 15, "day_kind": "calendar", "requirement": "整改"}

    def _revisit(self) -> str:
        field, team = self.docket.field, self.team
        field.visit_id = new_id()
        phone = field.phone(team[0])
        document = field.document(field.publish("rto"), team, kind="reinspection")
        assert phone.put_package(phone.seal(document, [])).status_code == 201
        return str(field.visit_id)

    def put(self, status: str, **values: Any) -> None:
        """The hazard in a state, as it stands there: with its deadline, or the day it was closed."""
        plain = {
            "status": status, "version": 1, "due_on": None if status == "found" else shanghai_today() + timedelta(days=3),
            "closed_on": shanghai_today() if status == "closed" else None,
        }  # fmt: skip

        async def change(session: AsyncSession) -> None:
            await session.execute(update(Hazard).where(Hazard.id == self.hazard).values({**plain, **values}))

        self.world.in_database(change)

    def act(self, who: Person, action: str, version: int = 1) -> Any:
        door, body = DOORS[action](self)
        if action == "order":
            whole = {"officer_ids": [str(one) for one in self.team], "lines": [{**body, "version": version}]}
            return who.post(ORDERS, json=whole)
        return who.post(f"{HAZARDS}/{self.hazard}/{door}", json=body, version=version)

    def traces(self) -> dict[str, list[Any]]:
        async def read(session: AsyncSession) -> dict[str, list[Any]]:
            values = {"id": self.hazard, "authority": self.world.authority}
            return {
                name: [tuple(row) for row in await session.execute(text(wanted), values)]
                for name, wanted in TRACES.items()
            }

        found: dict[str, list[Any]] = self.world.in_database(read)
        return found

    def shown(self) -> dict[str, Any]:
        return dict(self.people["inspector"].get(f"{HAZARDS}/{self.hazard}").json())


def why(answer: Any) -> tuple[int, str, str | None]:
    """Status and code of a refusal; and the state that it names, or the reason that an order's line was refused for."""
    told = answer.json()
    reason = told["lines"][0]["reason"] if told["code"] == "order_lines" else told.get("state")
    return answer.status_code, told["code"], reason


def refused(action: str, reason: str, otherwise: tuple[int, str, str | None]) -> tuple[int, str, str | None]:
    return (409, "order_lines", reason) if action == "order" else otherwise


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def test_the_table_is_complete() -> None:
    assert set(TABLE) == STATES == {one.value for one in HazardStatus}
    assert set(TRANSITIONS) == set(DOORS) == set(MAY)
    for status, steps in TABLE.items():
        for action, row in TRANSITIONS.items():
            assert (row.target if status in row.sources else None) == steps.get(action), (status, action)
    for action, row in TRANSITIONS.items():
        assert PERMISSIONS[row.permission] == {MAY[action]}, action


@pytest.mark.parametrize("action", sorted(DOORS))
@pytest.mark.parametrize("status", sorted(TABLE))
def test_every_step_in_every_state_by_everybody_through_its_door(
    desk: Desk, status: str, action: str
) -> None:
    for role, person in desk.people.items():
        desk.put(status)
        before = desk.traces()
        answer = desk.act(person, action)
        if role != MAY[action]:
            assert why(answer) == (403, "forbidden", None), (role, answer.text)
            assert desk.traces() == before
        elif action not in TABLE[status]:
            assert why(answer) == refused(action, "state", (409, "hazard_state", status)), answer.text
            assert desk.traces() == before
        else:
            assert answer.status_code in (200, 201), (role, answer.text)
            target, after = TABLE[status][action], desk.traces()
            shown = desk.shown()
            assert (shown["status"], shown["version"]) == (target, 2)
            last = shown["steps"][-1]
            assert (last["action"], last["from_status"], last["to_status"]) == (action, status, target)
            for name in ("steps", "audit", "changes"):
                assert after[name][0][0] > before[name][0][0], name


@pytest.mark.parametrize("action", sorted(DOORS))
@pytest.mark.parametrize("status", sorted(TABLE))
def test_a_merged_hazard_takes_no_step_in_any_state(desk: Desk, status: str, action: str) -> None:
    desk.put(status, merged_into_id=desk.docket.hazard())
    before = desk.traces()
    answer = desk.act(desk.people[MAY[action]], action)
    assert why(answer) == refused(action, "merged", (409, "hazard_merged", None)), answer.text
    assert desk.traces() == before


@pytest.mark.parametrize("action", sorted(DOORS))
def test_a_step_on_another_version_than_was_read_leaves_no_trace(desk: Desk, action: str) -> None:
    desk.put(next(status for status, steps in TABLE.items() if action in steps))
    before = desk.traces()
    answer = desk.act(desk.people[MAY[action]], action, version=7)
    assert why(answer) == refused(action, "version", (412, "precondition_failed", None)), answer.text
    assert desk.traces() == before


def test_a_step_that_is_taken_twice_is_taken_once(desk: Desk) -> None:
    """The second comes on the state that the first has left."""
    desk.put("ordered")
    officer = desk.people["inspector"]
    assert desk.act(officer, "report_rectified").status_code == 200
    before = desk.traces()
    again = desk.act(officer, "report_rectified", version=2)
    assert why(again) == (409, "hazard_state", "rectified")
    assert desk.traces() == before
