"""The period of a placard is the enterprise's: what is reported in time waits for the authority, which may find it undone."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.models.hazards import HazardDuplicate
from app.services.clocks.repository import raise_reminders
from app.services.hazards.content import placard_kinds
from app.services.runtime import Runtime
from tests.factories.orders import order
from tests.factories.world import Person, World
from tests.hazards.test_extensions import WHY
from tests.hazards.test_overdue import Deadline
from tests.hazards.test_overdue_flow import contact_of
from tests.hazards.test_placards import PLACARDS
from tests.hazards.test_proposals import HAZARDS
from tests.support.queries import recorded_queries


class Listed(Deadline):
    """A major hazard, ordered to be rectified in fifteen days, and listed for thirty from today; another officer watches it."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.major()
        self.watcher = world.person("inspector", region=world.town)
        self.head = world.person("approver", region=world.district)
        self.contact = str(contact_of(self))

    def log_in(self) -> None:
        super().log_in()
        self.head = self.world.logged_in(self.head.user_id)

    def put_up(self) -> dict[str, Any]:
        body = {
            "kind": "supervised_listing", "days": 30, "requirement": "停用并按方案治理", "text_zh": "该单位存在重大事故隐患。",
            "text_en": "There is a major hazard here.", "contact_id": self.contact, "supervisor_id": str(self.watcher.user_id),
        }  # fmt: skip
        path = f"{HAZARDS}/{self.hazard}/placards"
        proposed = self.officers[0].post(path, json=body, version=self.shown()["version"])
        assert proposed.status_code == 201, proposed.text
        decision = f"{PLACARDS}/{proposed.json()['id']}/decision"
        decided = self.head.post(decision, json={"reason": "属实"}, version=proposed.json()["version"])
        assert decided.status_code == 200, decided.text
        self.placard: dict[str, Any] = decided.json()
        return self.placard

    def period(self, **params: Any) -> dict[str, Any] | None:
        """The placard's clock while it runs."""
        params |= {"subject_id": self.placard["id"], "code": "placard"}
        found = self.head.get("/api/v1/clocks", params=params).json()["items"]
        return dict(found[0]) if found else None

    def ledger(self) -> list[tuple[str, str]]:
        """What happened to the placard's clock, and on which day."""
        clock = self.period() or self.period(ended=True)
        assert clock is not None
        rows = self.head.get(f"/api/v1/clocks/{clock['id']}").json()["ledger"]
        return [(row["action"], row["on_date"]) for row in rows]

    def reminded(self, who: Person) -> set[tuple[str, str]]:
        """Of what he is reminded: the limit and how near its end is."""
        while self.world.in_database(raise_reminders):
            pass
        params = {"responsible_id": str(who.user_id)}
        rows = self.head.get("/api/v1/clocks/reminders", params=params).json()["items"]
        return {(row["clock"]["code"], row["kind"]) for row in rows}

    def pair(self, kept: UUID) -> dict[str, Any]:
        """The hazard and another that it may be one with."""

        async def add(session: AsyncSession) -> UUID:
            row = HazardDuplicate(hazard_id=self.hazard, other_id=kept, region_id=self.world.town, reasons=[])
            session.add(row)
            await session.flush()
            return row.id

        return {"id": self.world.in_database(add), "version": 1}

    def settle(self, pair: dict[str, Any], act: str, **body: Any) -> dict[str, Any]:
        path = f"/api/v1/hazard-duplicates/{pair['id']}/{act}"
        answer = self.chief.post(path, json={"reason": "经核实", **body}, version=pair["version"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
def listed(world: World) -> Listed:
    return Listed(world)


def test_nobody_is_reminded_of_a_placard_while_what_was_reported_in_time_waits_for_the_authority(
    listed: Listed,
) -> None:
    """The re-inspection's own time runs, and who answers for it is reminded."""
    listed.put_up()
    with listed.day(14):
        assert ("placard", "before") in listed.reminded(listed.watcher)
        listed.report()
        assert listed.period() is None
    with listed.day(16):
        assert listed.reminded(listed.watcher) == set()
    with listed.day(24):
        assert listed.reminded(listed.officers[0]) == {("recheck", "due")}


def test_a_failed_re_inspection_lets_the_placard_s_period_run_on_to_the_end_it_had(listed: Listed) -> None:
    listed.put_up()
    with listed.day(14):
        reported = str(shanghai_today())
        listed.report()
    with listed.day(17):
        listed.reinspect(is_rectified=False)
        period = listed.period()
        assert period is not None
        assert (period["due_on"], period["is_overdue"]) == (listed.placard["due_on"], True)
        assert ("placard", "overdue") in listed.reminded(listed.watcher)
        today = str(shanghai_today())
        assert listed.ledger() == [
            ("start", listed.placard["decided_on"]),
            ("end", reported),
            ("reopen", today),
        ]
        listed.report()
        listed.reinspect(is_rectified=True)
        assert listed.period() is None
        shown = listed.head.get(f"{PLACARDS}/{listed.placard['id']}").json()
        assert (shown["status"], shown["removal_due"]) == ("in_force", True)
        assert (shown["due_on"], shown["version"]) == (listed.placard["due_on"], listed.placard["version"])


def test_an_unasked_re_inspection_that_finds_it_rectified_ends_the_period_and_another_order_reopens_it(
    listed: Listed,
) -> None:
    listed.put_up()
    with listed.day(2):
        listed.reinspect(is_rectified=True)
        assert listed.period() is None
        assert order(listed.officers, listed.hazard).status_code == 201
        period = listed.period()
        assert period is not None
        assert (period["due_on"], period["is_overdue"]) == (listed.placard["due_on"], False)
        assert [action for action, _ in listed.ledger()] == ["start", "end", "reopen"]


def test_what_is_listed_while_it_is_reported_has_its_period_once_it_is_found_undone(listed: Listed) -> None:
    listed.report()
    listed.put_up()
    assert listed.period() is None
    assert listed.placard["due_on"] is not None
    listed.reinspect(is_rectified=False)
    period = listed.period()
    assert period is not None
    assert period["due_on"] == listed.placard["due_on"]


def test_a_visit_that_is_handed_in_after_the_decision_ends_the_period_on_no_earlier_day(
    listed: Listed,
) -> None:
    with listed.day(-14):
        field, team = listed.docket.field, [one.user_id for one in listed.officers]
        result = {"hazard_id": str(listed.hazard), "is_rectified": True}
        document = field.document(field.publish("rto"), team, kind="reinspection", hazards=[result])
        visited = str(shanghai_today())
    with listed.day(-10):
        listed.put_up()
        phone = field.phone(team[0])
        assert phone.put_package(phone.seal(document, [])).status_code == 201
        last = listed.shown()["steps"][-1]
        assert (last["action"], last["on_date"]) == ("reinspect", visited)
        decided = listed.placard["decided_on"]
        assert listed.ledger() == [("start", decided), ("end", decided)]


def test_a_reopened_period_is_for_who_was_named_to_watch_it_meanwhile(listed: Listed) -> None:
    listed.put_up()
    listed.report()
    other = listed.world.person("inspector", region=listed.world.town)
    body = {"supervisor_id": str(other.user_id), "reason": "调离"}
    path = f"{PLACARDS}/{listed.placard['id']}/supervisor"
    assert listed.head.post(path, json=body, version=listed.placard["version"]).status_code == 200
    listed.reinspect(is_rectified=False)
    period = listed.period()
    assert period is not None
    assert period["responsible_id"] == str(other.user_id)


def test_what_is_reported_has_no_period_to_extend(listed: Listed) -> None:
    placard = listed.put_up()
    path = f"{PLACARDS}/{placard['id']}/extensions"
    proposed = listed.officers[0].post(path, json=WHY, version=placard["version"])
    assert proposed.status_code == 201, proposed.text

    def lapsed() -> bool:
        shown = listed.head.get(f"{PLACARDS}/{placard['id']}").json()
        return bool(shown["extensions"][0]["is_lapsed"])

    listed.report()
    assert lapsed()
    refused = listed.officers[0].post(path, json=WHY, version=placard["version"])
    assert (refused.status_code, refused.json()["code"]) == (409, "no_period_to_extend")
    listed.reinspect(is_rectified=False)
    assert not lapsed()


def test_the_hazard_that_a_placard_s_own_was_merged_into_decides_whether_its_period_runs(
    listed: Listed,
) -> None:
    kept = listed.hazard
    listed.hazard = listed.docket.hazard()
    listed.major()
    listed.put_up()
    into = {"kept_id": str(kept)}
    pair = listed.settle(listed.pair(kept), "merging", **into)
    assert listed.period() is not None
    listed.hazard = kept
    listed.report()
    assert listed.period() is None
    listed.reinspect(is_rectified=False)
    assert listed.period() is not None
    listed.report()
    pair = listed.settle(pair, "undoing")
    assert listed.period() is not None  # its own is not reported
    listed.settle(pair, "merging", **into)
    assert listed.period() is None  # what it is one with again is
    assert [action for action, _ in listed.ledger()] == ["start", "end", "reopen", "end", "reopen", "end"]


def test_of_a_hazard_that_cannot_be_listed_no_step_looks_for_placards(
    listed: Listed, runtime: Runtime
) -> None:
    assert all("major" in kind.needs for kind in placard_kinds())
    listed.put(listed.hazard, level="general", clause=None, major_since=None)
    with recorded_queries(runtime.database) as sent:
        listed.report()
    assert not any("placards" in statement for statement in sent)
    listed.major()
    with recorded_queries(runtime.database) as sent:
        listed.reinspect(is_rectified=False)
    assert sum("placards" in statement for statement in sent) == 1
