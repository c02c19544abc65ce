"""Overdue is what is ordered and past its last day. What is reported waits for the authority, which may find it undone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import SHANGHAI, standing_at
from app.core.events import publish
from app.core.ids import new_id
from app.core.paging import PageRequest
from app.models.clocks import Clock
from app.models.history import AuditEntry, Change
from app.services.clocks.events import ClockMoved
from app.services.clocks.repository import raise_reminders
from app.services.hazards.export_lines import HEADER, export_page
from app.services.hazards.published import list_published_hazards
from app.services.hazards.registry import HazardFilter
from tests.factories.invited import invited_to
from tests.factories.orders import order
from tests.factories.world import World
from tests.hazards.test_overdue_flow import contact_of
from tests.hazards.test_proposals import HAZARDS, Scene
from tests.hazards.test_totals import reader
from tests.support.notices import NOTICE, forget_notices


class Deadline(Scene):
    """An order whose last day is fifteen days away, as everybody sees it on days counted from that day."""

    @contextmanager
    def day(self, number: int) -> Iterator[None]:
        """So many days after the last one; everybody logs in again."""
        noon = datetime(*self.due.timetuple()[:3], 12, tzinfo=SHANGHAI) + timedelta(days=number)
        with standing_at(noon):
            self.log_in()
            yield

    def report(self) -> None:
        body = {"note": "已整改", "evidence_ids": []}
        path, version = f"{HAZARDS}/{self.hazard}/rectification", self.shown()["version"]
        answer = self.officers[0].post(path, json=body, version=version)
        assert answer.status_code == 200, answer.text

    def reinspect(self, *, is_rectified: bool) -> Any:
        """Two officers go there, and what they found is written down."""
        field = self.docket.field
        field.visit_id = new_id()
        team = [one.user_id for one in self.officers]
        phone = field.phone(team[0])
        document = field.document(field.publish("rto"), team, kind="reinspection")
        assert phone.put_package(phone.seal(document, [])).status_code == 201
        found = {"visit_id": str(field.visit_id), "is_rectified": is_rectified}
        path, version = f"{HAZARDS}/{self.hazard}/reinspection", self.shown()["version"]
        answer = self.officers[0].post(path, json=found, version=version)
        assert answer.status_code == 200, answer.text
        return answer

    def periods(self) -> list[dict[str, Any]]:
        """The order's period among the running clocks."""
        params = {"subject_id": str(self.hazard), "code": "rectification"}
        return list(self.chief.get("/api/v1/clocks", params=params).json()["items"])

    def is_overdue(self) -> bool:
        """As every door says; they say the same."""
        told = {name: bool(say()) for name, say in self._doors().items()}
        assert len(set(told.values())) == 1, told
        return told["hazard"]

    def _doors(self) -> dict[str, Callable[[], Any]]:
        field, chief, town = self.docket.field, self.chief, self.world.town
        of_it = {"enterprise_id": str(field.enterprise_id)}

        def listed(path: str, **params: Any) -> Any:
            return chief.get(f"{HAZARDS}{path}", params=params).json()

        def clocks(path: str = "", **params: Any) -> Any:
            params |= {"subject_id": str(self.hazard), "code": "rectification"}
            return chief.get(f"/api/v1/clocks{path}", params=params).json()

        def reminded() -> bool:
            while self.world.in_database(raise_reminders):
                pass
            return any(one["kind"] == "overdue" for one in clocks("/reminders")["items"])

        def in_risk() -> int:
            shown = self.world.person("supervisor").get(f"/api/v1/enterprises/{field.enterprise_id}/risk")
            return sum(one["overdue"] for one in shown.json()["hazards"])

        async def to_partner(session: AsyncSession) -> Any:
            nothing = {"enterprise_id": None, "level": None, "status": None}
            page = await list_published_hazards(session, reader(town), PageRequest(10), **nothing)
            return page.items[0].is_overdue

        def to_enterprise() -> bool:
            (told,) = invited_to(self.world, field).get("/enterprise/v1/orders").json()["items"]
            return bool(told["lines"][0]["is_overdue"])

        async def line(session: AsyncSession) -> bool:
            ((said,), _) = await export_page(session, [town], HazardFilter(), None, 10)
            return said[HEADER.index("是否逾期")] == "是"

        return {
            "hazard": lambda: self.shown()["is_overdue"],
            "list": lambda: listed("", overdue=True)["items"],
            "list of the others": lambda: not listed("", overdue=False)["items"],
            "counts by tallies": lambda: sum(one["overdue"] for one in listed("/counts")),
            "counts by rows": lambda: sum(one["overdue"] for one in listed("/counts", **of_it)),
            "totals": lambda: listed("/totals", by="status")["whole"]["overdue"],
            "risk": in_risk,
            "partner": lambda: self.world.in_database(to_partner),
            "enterprise": to_enterprise,
            "export": lambda: self.world.in_database(line),
            "clocks": lambda: clocks(overdue=True)["items"],
            "clock counts": lambda: clocks("/counts")["overdue"],
            "reminders": reminded,
            "clock": lambda: any(one["is_overdue"] for one in self.periods()),
        }


@pytest.fixture
def deadline(world: World) -> Deadline:
    return Deadline(world)


@pytest.mark.parametrize(("number", "late"), [(-1, False), (0, False), (1, True), (2, True)])
def test_what_nobody_reports_is_overdue_from_the_day_after_the_last(
    deadline: Deadline, number: int, late: bool
) -> None:
    with deadline.day(number):
        assert deadline.is_overdue() is late
        assert bool(deadline.propose()) is late


@pytest.mark.parametrize("number", [-1, 0])
def test_what_is_reported_in_time_waits_for_the_authority_and_is_not_overdue(
    deadline: Deadline, number: int
) -> None:
    with deadline.day(number):
        deadline.report()
        (recheck,) = deadline.rechecks()
    for later in (1, 9):
        with deadline.day(later):
            deadline.start_rechecks()
            assert deadline.is_overdue() is False
            assert deadline.propose() == 0
            assert [one["id"] for one in deadline.rechecks()] == [recheck["id"]]


def test_a_failed_re_inspection_after_the_deadline_makes_it_overdue_at_once(deadline: Deadline) -> None:
    """Reported in time, or not: by the deadline it had. The authority has looked; its time does not begin again."""
    with deadline.day(0):
        deadline.report()
    with deadline.day(6):
        assert deadline.is_overdue() is False
        deadline.reinspect(is_rectified=False)
        assert deadline.is_overdue() is True
        deadline.start_rechecks()
        assert deadline.propose() == 1
        assert [one["due_on"] for one in deadline.listed(status="open")] == [str(deadline.due)]
        assert deadline.rechecks() == []


def test_a_failed_re_inspection_before_the_deadline_leaves_the_days_that_remain(deadline: Deadline) -> None:
    with deadline.day(-3):
        deadline.report()
        deadline.reinspect(is_rectified=False)
        assert deadline.rechecks() == []
    for number, late in ((-2, False), (0, False), (1, True)):
        with deadline.day(number):
            deadline.start_rechecks()
            assert deadline.is_overdue() is late
            assert bool(deadline.propose()) is late
    with deadline.day(1):
        (recheck,) = deadline.rechecks()
        assert recheck["due_on"] == str(deadline.due + timedelta(days=10))


def test_the_order_s_period_ends_with_the_report_and_is_reopened_to_the_end_it_had(
    deadline: Deadline,
) -> None:
    """So nobody is reminded of what is reported. An extension that was granted before is in the end it had."""
    path, version = f"{HAZARDS}/{deadline.hazard}/extensions", deadline.shown()["version"]
    longer = {"amount": 5, "reason": "设备到货延迟"}
    asked = deadline.officers[0].post(path, json=longer, version=version).json()
    grant = f"/api/v1/extensions/{asked['id']}/grant"
    granted = deadline.chief.post(grant, json={"reason": "情况属实"}, version=asked["version"])
    assert granted.status_code == 200, granted.text
    (period,) = deadline.periods()
    assert period["due_on"] == str(deadline.due + timedelta(days=5))
    with deadline.day(2):
        deadline.report()
        assert deadline.periods() == []
        late = deadline.officers[0].post(path, json=longer, version=deadline.shown()["version"])
        assert (late.status_code, late.json()["code"]) == (409, "no_period_to_extend")
    with deadline.day(6):
        assert deadline.is_overdue() is False
        deadline.reinspect(is_rectified=False)
        (again,) = deadline.periods()
        assert (again["id"], again["due_on"], again["is_overdue"]) == (period["id"], period["due_on"], True)
        ledger = deadline.chief.get(f"/api/v1/clocks/{period['id']}").json()["ledger"]
        assert [one["action"] for one in ledger] == ["start", "extend", "end", "reopen"]
        deadline.report()
        deadline.reinspect(is_rectified=True)
        assert deadline.periods() == []


def test_a_period_reopened_to_an_end_that_became_known_meanwhile_answers_the_version_it_then_has(
    world: World,
) -> None:
    """The notice came while the hazard was reported: the step is one version, the new last day the next."""
    with standing_at(datetime(2026, 12, 28, 12, tzinfo=SHANGHAI)):
        deadline = Deadline(world)
        assert order(deadline.officers, deadline.hazard, days=10, day_kind="working").status_code == 201
        assert deadline.shown()["due_on"] is None
        deadline.report()
        version = deadline.shown()["version"]
        administrator = deadline.world.person("administrator")
        try:
            assert administrator.post("/api/v1/calendar/notices", json=NOTICE).status_code == 201
            answer = deadline.reinspect(is_rectified=False)
        finally:
            deadline.world.in_database(forget_notices)
        shown = deadline.shown()
    assert (answer.json()["due_on"], shown["due_on"]) == ("2027-01-12", "2027-01-12")
    assert answer.headers["ETag"] == f'"{shown["version"]}"' == f'"{version + 2}"'
    assert answer.json()["version"] == shown["version"]

    async def told(session: AsyncSession) -> tuple[list[str], list[int]]:
        acts = (
            select(AuditEntry.action).where(AuditEntry.object_id == deadline.hazard).order_by(AuditEntry.id)
        )
        changes = select(Change.version).where(Change.object_id == deadline.hazard).order_by(Change.id)
        return list(await session.scalars(acts)), list(await session.scalars(changes))

    acts, versions = deadline.world.in_database(told)
    assert acts[-2:] == ["hazards:reject_rectification", "hazards:reschedule"]
    assert versions[-2:] == [version + 1, version + 2]


@pytest.mark.parametrize("is_rectified", [True, False])
def test_a_late_report_takes_no_proposal_back_and_the_re_inspection_decides(
    deadline: Deadline, is_rectified: bool
) -> None:
    with deadline.day(1):
        assert deadline.propose() == 1
        deadline.report()
        assert deadline.is_overdue() is False
        assert [one["status"] for one in deadline.listed()] == ["open"]
        deadline.major()
        assert deadline.propose() == 0
        deadline.put(deadline.hazard, level="general", clause=None, major_since=None)
    with deadline.day(4):
        assert deadline.propose() == 0
        deadline.reinspect(is_rectified=is_rectified)
        assert deadline.is_overdue() is not is_rectified
        assert deadline.propose() == 0
        (proposal,) = deadline.listed()
        settled = ("withdrawn", "found_rectified") if is_rectified else ("open", None)
        assert (proposal["status"], proposal["withdrawn_because"]) == settled


def test_a_placard_for_what_is_overdue_waits_for_the_re_inspection_of_what_is_reported(
    deadline: Deadline,
) -> None:
    contact = str(contact_of(deadline))
    body = {
        "kind": "placard_warning", "days": 30, "requirement": "停用并按方案治理", "text_zh": "该单位存在逾期未整改的重大事故隐患。",
        "text_en": "A major hazard was not removed here in time.", "contact_id": contact,
        "supervisor_id": str(deadline.officers[0].user_id),
    }  # fmt: skip

    def propose() -> Any:
        path = f"{HAZARDS}/{deadline.hazard}/placards"
        return deadline.officers[0].post(path, json=body, version=deadline.shown()["version"])

    deadline.major()
    with deadline.day(1):
        deadline.report()
        refused = propose()
        assert (refused.status_code, refused.json()["code"]) == (422, "placard_conditions")
        assert "overdue" in refused.text
        deadline.reinspect(is_rectified=False)
        assert propose().status_code == 201


@pytest.mark.parametrize("days", [1, -1])
def test_a_recheck_that_only_the_registry_ended_is_started_again(deadline: Deadline, days: int) -> None:
    """A corrected calendar moves the end a day, either way, while the recheck runs: nobody has looked."""

    async def move(session: AsyncSession) -> None:
        wanted = update(Clock).where(Clock.subject_id == deadline.hazard, Clock.code == "rectification")
        moved = deadline.due + timedelta(days=days)
        await session.execute(wanted.values(due_on=moved))
        await publish(session, ClockMoved("hazard", deadline.hazard, "rectification", moved))

    with deadline.day(5):
        deadline.start_rechecks()
        (first,) = deadline.rechecks()
        deadline.world.in_database(move)
        assert deadline.rechecks() == []
        deadline.start_rechecks()
        (second,) = deadline.rechecks()
        assert second["id"] != first["id"]
        assert second["due_on"] == str(deadline.due + timedelta(days=days + 10))
        deadline.reinspect(is_rectified=False)
        deadline.start_rechecks()
        assert deadline.rechecks() == []


def test_a_deadline_that_is_not_known_is_neither_kept_nor_missed(deadline: Deadline) -> None:
    deadline.put(deadline.hazard, due_on=None)
    with deadline.day(1):
        assert deadline.shown()["is_overdue"] is None
        deadline.report()
        assert deadline.shown()["is_overdue"] is False
