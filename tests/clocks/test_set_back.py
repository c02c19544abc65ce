"""The machine's time is set back between two rows of a ledger, or two machines' times differ: it is read as it was written."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.models.clocks import ClockEvent
from app.services.clocks import ledger, service
from app.services.clocks.ledger import suspensions_of
from app.services.clocks.responsibility import Subject
from app.services.clocks.service import end_clocks, reopen_clocks, start_clock
from tests.clocks.test_console import act, shown, start
from tests.factories.cases import Docket


@pytest.fixture(autouse=True)
def set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each id is a minute before the last one."""
    at_ms = 1_800_000_000_000

    def earlier() -> UUID:
        nonlocal at_ms
        at_ms -= 60_000
        return new_id(at_ms)

    monkeypatch.setattr(ledger, "new_id", earlier)
    monkeypatch.setattr(service, "new_id", earlier)


def test_a_clock_that_was_resumed_before_it_was_suspended_by_the_machine_s_time_runs_on(
    docket: Docket,
) -> None:
    officer, begun = docket.officers[0], shanghai_today() - timedelta(days=10)
    clock = start(docket, "seizure", begun)
    for door, more in (("suspension", {"ground": "appraisal"}), ("resumption", {})):
        answer = act(officer, clock, door, on_date=str(shanghai_today()), reason="委托检测", **more)
        assert answer.status_code == 200, answer.text
    found = shown(officer, clock)
    assert [row["action"] for row in found["ledger"]] == ["start", "suspend", "resume"]
    assert found["due_on"] == str(begun + timedelta(days=30))


def test_the_clock_that_runs_on_is_the_one_that_ended_last(docket: Docket) -> None:
    subject, today = Subject("hazard", new_id(), docket.world.authority, docket.region), shanghai_today()

    async def run(session: AsyncSession) -> tuple[Any, ...]:
        for days in (5, 9):
            clock = await start_clock(session, SYSTEM, subject, "rectification", today, amount=days)
            await end_clocks(session, SYSTEM, subject.id, ["rectification"], today)
        await reopen_clocks(session, SYSTEM, subject.id, ["rectification"], today, None)
        return clock.amount, clock.ended_on

    assert docket.world.in_database(run) == (9, None)


def test_an_old_ledger_that_has_the_resume_first_is_read() -> None:
    today = shanghai_today()
    events = [ClockEvent(action=action, on_date=today) for action in ("start", "resume", "suspend")]
    assert [(one.since, one.until) for one in suspensions_of(events)] == [(today, None)]
