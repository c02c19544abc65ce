"""An order's deadline is extended by an act of two people, and moved by its clock alone."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import SHANGHAI, shanghai_today, standing_at
from app.enums.hazards import ExtensionStatus
from app.enums.identity import Role
from app.models.hazards import OrderExtension
from app.services.hazards.content import extension_latest_days, registry_settings
from app.services.hazards.extension_workflow import STATES, TRANSITIONS
from app.services.identity.policy import PERMISSIONS
from app.services.runtime import Runtime
from tests.factories.cases import Docket
from tests.factories.orders import order
from tests.factories.replica import Replica
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries

HAZARDS, EXTENSIONS = "/api/v1/hazards", "/api/v1/extensions"
WHY = {"amount": 10, "reason": "设备到货延迟"}
SETTLE = {"grant": "grant", "refuse": "refusal", "withdraw": "withdrawal"}


class Desk:
    """A hazard that was ordered to be rectified, officers and the person in charge."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.docket = Docket(world)
        self.inspector, self.colleague = (world.person("inspector", region=world.town) for _ in range(2))
        self.officer, self.chief = self.docket.officers[0], self.docket.chief
        self.hazard = str(self.docket.hazard())
        assert self.order().status_code == 201

    def order(self, **changes: Any) -> Any:
        return order([self.inspector, self.colleague], self.hazard, **changes)

    def shown(self, who: Person | None = None) -> dict[str, Any]:
        return dict((who or self.inspector).get(f"{HAZARDS}/{self.hazard}").json())

    def propose(self, who: Person | None = None, **changes: Any) -> Any:
        person = who or self.inspector
        path = f"{HAZARDS}/{self.hazard}/extensions"
        return person.post(path, json=WHY | changes, version=self.shown()["version"])

    def settle(self, who: Person, extension: dict[str, Any], action: str) -> Any:
        path = f"{EXTENSIONS}/{extension['id']}/{SETTLE[action]}"
        return who.post(path, json={"reason": "情况属实"}, version=extension["version"])

    def clock(self, **more: Any) -> dict[str, Any]:
        params = {"subject_id": self.hazard, "code": "rectification", **more}
        (running,) = self.chief.get("/api/v1/clocks", params=params).json()["items"]
        return dict(self.chief.get(f"/api/v1/clocks/{running['id']}").json())


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def test_what_one_proposes_another_grants_and_the_clock_moves_the_deadline(desk: Desk) -> None:
    due = shanghai_today() + timedelta(days=15)
    proposed = desk.propose().json()
    later = str(due + timedelta(days=10))
    assert (proposed["status"], proposed["due_before"], proposed["due_proposed"]) == (
        "proposed",
        str(due),
        later,
    )
    assert desk.shown()["due_on"] == str(due)
    granted = desk.settle(desk.chief, proposed, "grant").json()
    assert (granted["status"], granted["due_after"], granted["settled_by"]) == (
        "granted",
        later,
        str(desk.chief.user_id),
    )
    shown = desk.shown()
    assert (shown["due_on"], shown["orders"][0]["due_on"]) == (later, str(due))
    assert [one["status"] for one in shown["extensions"]] == ["granted"]
    ledger = [(row["action"], row["due_after"], row["user_id"]) for row in desk.clock()["ledger"]]
    assert ledger[1:] == [("extend", later, str(desk.chief.user_id))]


def test_a_refused_or_withdrawn_extension_leaves_the_deadline(desk: Desk) -> None:
    before = desk.shown()["due_on"]
    refused = desk.settle(desk.chief, desk.propose().json(), "refuse").json()
    withdrawn = desk.settle(desk.officer, desk.propose().json(), "withdraw").json()
    assert (refused["status"], withdrawn["status"]) == ("refused", "withdrawn")
    assert refused["settled_reason"] == "情况属实"
    assert desk.shown()["due_on"] == before
    assert [row["action"] for row in desk.clock()["ledger"]] == ["start"]


def test_working_days_are_counted_by_the_engine(desk: Desk) -> None:
    with standing_at(_noon(date(2026, 9, 15))):
        desk.inspector = desk.world.logged_in(desk.inspector.user_id)
        assert desk.order(days=5, day_kind="working").status_code == 201
        proposed = desk.propose(amount=2).json()
    assert (proposed["due_before"], proposed["due_proposed"], proposed["unit"]) == (
        "2026-09-21",
        "2026-09-23",
        "working_day",
    )  # the 20th is a make-up Sunday


def test_beyond_the_imported_calendar_a_longer_period_is_as_unknown_as_the_shorter(desk: Desk) -> None:
    with standing_at(_noon(date(2026, 12, 28))):
        desk.inspector = desk.world.logged_in(desk.inspector.user_id)
        desk.chief = desk.world.logged_in(desk.chief.user_id)
        assert desk.order(days=10, day_kind="working").status_code == 201
        proposed = desk.propose(amount=5).json()
        granted = desk.settle(desk.chief, proposed, "grant").json()
        assert [proposed["due_before"], proposed["due_proposed"], granted["due_after"]] == [None, None, None]
        clock = desk.clock(unknown=True)
    assert (clock["amount"], clock["extended_by"], clock["unknown"]) == (15, 5, "calendar_not_imported")


@pytest.mark.parametrize(("days", "status"), [(14, 201), (15, 201), (16, 422)])
def test_what_is_overdue_is_not_extended_afterwards(desk: Desk, days: int, status: int) -> None:
    assert extension_latest_days() == 0
    assert registry_settings()["extension_latest"]["to_be_confirmed"] is True
    with standing_at(_noon(shanghai_today() + timedelta(days=days))):
        desk.inspector = desk.world.logged_in(desk.inspector.user_id)
        answer = desk.propose()
        assert answer.status_code == status, answer.text
        if status == 422:
            assert answer.json()["code"] == "extension_too_late"


@pytest.mark.parametrize(("days", "status"), [(24, 200), (25, 200), (26, 422)])
def test_an_extension_whose_new_end_has_passed_is_not_granted_and_may_be_refused(
    desk: Desk, days: int, status: int
) -> None:
    proposed, due = desk.propose().json(), shanghai_today() + timedelta(days=15)
    with standing_at(_noon(shanghai_today() + timedelta(days=days))):
        chief = desk.world.logged_in(desk.chief.user_id)
        answer = desk.settle(chief, proposed, "grant")
        assert answer.status_code == status, answer.text
        if status == 422:
            assert answer.json()["code"] == "extension_in_the_past"
            assert desk.shown(chief)["due_on"] == str(due)
            assert desk.settle(chief, proposed, "refuse").json()["status"] == "refused"
    assert desk.shown()["due_on"] == str(due if status == 422 else due + timedelta(days=10))


def test_a_hazard_has_one_proposal_at_a_time_and_none_without_an_order(desk: Desk) -> None:
    assert desk.propose().status_code == 201
    again = desk.propose(desk.officer)
    assert (again.status_code, again.json()["code"]) == (409, "extension_pending")
    desk.hazard = str(desk.docket.hazard())
    none = desk.propose()
    assert (none.status_code, none.json()["code"]) == (409, "no_period_to_extend")


def test_a_later_order_makes_the_proposal_lapse(desk: Desk) -> None:
    proposed = desk.propose().json()
    assert desk.order(days=3).status_code == 201
    due = desk.shown()["due_on"]
    (shown,) = desk.shown()["extensions"]
    assert (shown["status"], shown["is_lapsed"]) == ("proposed", True)
    waiting = {"status": "proposed", "hazard_id": desk.hazard}
    assert desk.chief.get(EXTENSIONS, params=waiting).json()["items"] == []
    late = desk.settle(desk.chief, proposed, "grant")
    assert (late.status_code, late.json()["code"]) == (409, "no_period_to_extend")
    assert desk.shown()["due_on"] == due
    assert desk.propose(amount=1).status_code == 201
    assert desk.settle(desk.officer, proposed, "withdraw").status_code == 200


def test_who_proposed_does_not_settle_whatever_his_roles(desk: Desk) -> None:
    both = desk.world.person("case_officer", "approver", region=desk.world.town)
    proposed = desk.propose(both).json()
    for action in ("grant", "refuse"):
        refused = desk.settle(both, proposed, action)
        assert (refused.status_code, refused.json()["code"]) == (403, "extension_same_person")
    assert desk.settle(desk.chief, proposed, "grant").status_code == 200


def test_the_deadline_of_an_order_is_not_extended_at_its_clock(desk: Desk) -> None:
    clock = desk.clock()
    path = f"/api/v1/clocks/{clock['id']}/extension"
    answer = desk.chief.post(path, json={"amount": 5, "reason": "直接延长"}, version=clock["version"])
    assert (answer.status_code, answer.json()["code"]) == (422, "clock_extended_by_act")
    assert desk.clock()["due_on"] == clock["due_on"]


def test_a_phone_s_open_hazard_shows_the_new_deadline(desk: Desk) -> None:
    phone = desk.docket.field.phone(desk.inspector.user_id)
    replica = Replica(desk.world, phone)
    replica.pull("hazards")
    assert desk.settle(desk.chief, desk.propose().json(), "grant").status_code == 200
    (document,) = [one for one in replica.pull("hazards") if one["id"] == desk.hazard]
    assert document["due_on"] == desk.shown()["due_on"] == str(shanghai_today() + timedelta(days=25))


def test_every_state_step_and_role_through_the_door(desk: Desk) -> None:
    assert {one.value for one in ExtensionStatus} == STATES
    proposed = desk.propose().json()
    people = {role: desk.world.person(role, region=desk.world.town) for role in Role}
    for status in sorted(STATES):
        for action, row in TRANSITIONS.items():
            for role, person in people.items():
                desk.world.in_database(_put(proposed["id"], status))
                answer = desk.settle(person, {**proposed, "version": 1}, action)
                allowed = role in PERMISSIONS[row.permission]
                wanted = 403 if not allowed else 200 if status in row.sources else 409
                assert answer.status_code == wanted, (status, action, role, answer.text)
                if wanted == 200:
                    assert answer.json()["status"] == row.target


def test_only_the_version_that_was_read_is_settled(desk: Desk) -> None:
    proposed = desk.propose().json()
    assert desk.settle(desk.chief, {**proposed, "version": 7}, "grant").status_code == 412
    assert desk.settle(desk.chief, proposed, "grant").status_code == 200
    assert desk.settle(desk.chief, {**proposed, "version": 2}, "refuse").status_code == 409


@pytest.mark.parametrize("role", sorted(PERMISSIONS["hazards:read"]))
def test_a_foreign_extension_is_not_found(desk: Desk, role: str) -> None:
    proposed = desk.propose().json()
    abroad = desk.world.person(role, region=desk.world.other_town)
    assert abroad.get(EXTENSIONS).json()["items"] == []
    assert abroad.get(f"{EXTENSIONS}/{proposed['id']}").status_code == 404
    may = role in PERMISSIONS["hazards:propose_extension"]
    assert desk.propose(abroad).status_code == (404 if may else 403)
    for action, row in TRANSITIONS.items():
        wanted = 404 if role in PERMISSIONS[row.permission] else 403
        assert desk.settle(abroad, proposed, action).status_code == wanted


def test_what_waits_is_listed_by_state_hazard_and_region_and_costs_the_same_whatever_its_length(
    desk: Desk, runtime: Runtime
) -> None:
    first = desk.propose().json()
    desk.hazard = str(desk.docket.hazard())
    desk.order()
    second = desk.propose().json()
    listed = desk.chief.get(EXTENSIONS, params={"status": "proposed"}).json()["items"]
    assert [one["id"] for one in listed] == [second["id"], first["id"]]
    narrowed = desk.chief.get(EXTENSIONS, params={"hazard_id": desk.hazard}).json()["items"]
    assert [one["id"] for one in narrowed] == [second["id"]]
    other = {"region_id": str(desk.world.other_town)}
    assert desk.chief.get(EXTENSIONS, params=other).json()["items"] == []
    with recorded_queries(runtime.database) as few:
        page = desk.chief.get(EXTENSIONS, params={"limit": 1}).json()
    with recorded_queries(runtime.database) as many:
        desk.chief.get(EXTENSIONS)
    assert len(few) == len(many) <= 5
    rest = desk.chief.get(EXTENSIONS, params={"cursor": page["next_cursor"]}).json()["items"]
    assert [one["id"] for one in rest] == [first["id"]]


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI)


def _put(extension_id: str, status: str) -> Any:
    """The proposal, put into a state by hand."""

    async def put(session: AsyncSession) -> None:
        settled = None if status == "proposed" else OrderExtension.created_at
        await session.execute(
            update(OrderExtension)
            .where(OrderExtension.id == UUID(extension_id))
            .values(status=status, version=1, settled_at=settled, settled_by=None, settled_reason=None)
        )

    return put
