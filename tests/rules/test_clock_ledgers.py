"""A clock never moves without an event: its end is its period, its ledger and the calendar, whenever it is asked."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.clock import SHANGHAI, standing_at
from app.core.ids import new_id
from app.core.working_calendar import WorkingCalendar, YearNotice
from app.models.clocks import Clock, ClockEvent
from app.rules.clocks import ClockUnit, Period, Projection, Suspension, project
from app.services.clocks.content import TimeLimit, time_limits
from app.services.clocks.ledger import period_of, suspensions_of
from app.services.clocks.notices import shipped_notices
from app.services.clocks.repository import show_clock

BEGUN = datetime(2026, 11, 20, 9, tzinfo=SHANGHAI)
MOVING = {"suspend", "resume", "extend"}

Step = tuple[str, int]
"""What happens, and how much of it: days that pass, days approved, which notice."""


class Running:
    """A clock with its ledger and the calendar it runs by, all in memory."""

    def __init__(self, limit: TimeLimit, *, rolls_over: bool) -> None:
        unit = limit.unit or ClockUnit.CALENDAR_DAY
        self.clock = Clock(
            id=new_id(), version=1, code=limit.code, subject_kind="case", subject_id=new_id(), authority_id=new_id(),
            region_id=new_id(), started_at=BEGUN, amount=limit.amount, extended_by=0, unit=unit,
            rolls_over=rolls_over and unit not in (ClockUnit.HOUR, ClockUnit.WORKING_DAY) and not limit.backwards,
            backwards=limit.backwards, clear=limit.clear, meaning=limit.meaning, basis="", to_be_confirmed=False,
            created_at=BEGUN,
        )  # fmt: skip
        self.ledger = [ClockEvent(action="start", on_date=BEGUN.date())]
        self.notices = list(shipped_notices())
        self.now = BEGUN
        self.may_pause = not limit.backwards and unit is not ClockUnit.HOUR

    def end(self) -> Projection:
        """Where it ends, as it is asked for now."""
        with standing_at(self.now):
            return project(
                period_of(self.clock),
                self.clock.started_at,
                suspensions_of(self.ledger),
                WorkingCalendar(self.notices),
            )

    def take(self, step: Step) -> None:
        """What the step does to ledger, calendar or time; a step that is not possible does nothing."""
        verb, amount = step
        paused = bool(standing := suspensions_of(self.ledger)) and standing[-1].until is None
        if verb == "wait":
            self.now += timedelta(days=amount, hours=amount)
        elif verb == "read":
            self.read()
        elif verb == "notice":
            self.notices.append(notice(amount))
        elif verb == "extend" and self.clock.amount is not None:
            self.clock.extended_by += amount
            self._write("extend")
        elif (verb == "suspend" and self.may_pause and not paused) or (verb == "resume" and paused):
            self._write(verb)
        elif verb == "end":
            self._write("end")

    def read(self) -> None:
        """Show it as it stands, today and on later days."""
        end = self.end()
        self.clock.due_on, self.clock.due_at = end.due_on, end.due_at
        self.clock.unknown = end.unknown.value if end.unknown else None
        self.clock.missing_year = end.missing_year
        with standing_at(self.now):
            for days in (0, 1, 400):
                view = show_clock(self.clock, self.now.date() + timedelta(days), [])
                assert (view.due_on, view.due_at) == (end.due_on, end.due_at)

    def _write(self, action: str) -> None:
        self.ledger.append(ClockEvent(action=action, on_date=self.now.date()))


def notice(number: int) -> YearNotice:
    """One of several notices: even numbers for 2026 (again), odd ones for 2027, each with other days off."""
    year, off = (2027, number) if number % 2 else (2026, number + 330)
    days = frozenset(date(year, 1, 1) + timedelta(days=off + more) for more in range(5))
    return YearNotice(year, days, frozenset())


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["wait", "read", "notice", "suspend", "resume", "extend", "end"]), st.integers(1, 25)
    ),
    max_size=15,
)
LIMITS = st.sampled_from([limit for limit in time_limits() if limit.amount is not None])
ALL = [
    ("wait", 3), ("suspend", 1), ("wait", 9), ("read", 1), ("resume", 1), ("extend", 20), ("read", 1), ("notice", 4), ("wait", 25),
    ("notice", 7), ("notice", 2), ("suspend", 1), ("notice", 9), ("wait", 25), ("resume", 1), ("end", 1), ("wait", 25), ("read", 1),
]  # fmt: skip
SEIZURE = next(limit for limit in time_limits() if limit.code == "seizure")


@given(limit=LIMITS, rolls_over=st.booleans(), steps=STEPS)
@example(limit=SEIZURE, rolls_over=True, steps=ALL)
def test_an_end_changes_by_an_event_of_the_ledger_or_by_a_notice_and_never_by_time_or_reading(
    limit: TimeLimit, rolls_over: bool, steps: list[Step]
) -> None:
    running = Running(limit, rolls_over=rolls_over)
    before = running.end()
    for step in steps:
        events, notices = len(running.ledger), len(running.notices)
        running.take(step)
        after = running.end()
        if after != before:
            by_event = len(running.ledger) == events + 1 and running.ledger[-1].action in MOVING
            assert by_event or len(running.notices) == notices + 1, step
        before = after


@given(limit=LIMITS, rolls_over=st.booleans(), steps=STEPS)
@example(limit=SEIZURE, rolls_over=True, steps=ALL)
def test_the_ledger_alone_tells_the_end_whenever_it_is_read_again(
    limit: TimeLimit, rolls_over: bool, steps: list[Step]
) -> None:
    """Projected anew years later, by a machine whose clock is wrong, in another process: the same."""
    running = Running(limit, rolls_over=rolls_over)
    for step in steps:
        running.take(step)
    ends = []
    for day in (date(2020, 2, 29), date(2026, 12, 31), date(2099, 1, 1)):
        running.now = datetime(day.year, day.month, day.day, tzinfo=UTC)
        ends.append(running.end())
    assert ends[0] == ends[1] == ends[2]


@given(limit=LIMITS, rolls_over=st.booleans(), steps=STEPS, number=st.integers(1, 25))
@example(limit=SEIZURE, rolls_over=True, steps=[], number=10)
def test_a_notice_moves_only_what_counts_workdays_and_passes_through_its_year(
    limit: TimeLimit, rolls_over: bool, steps: list[Step], number: int
) -> None:
    running = Running(limit, rolls_over=rolls_over)
    for step in steps:
        running.take(step)
    before = running.end()
    running.take(("notice", number))
    after = running.end()
    if after == before:
        return
    assert running.clock.unit == ClockUnit.WORKING_DAY or running.clock.rolls_over
    touched = {BEGUN.year, before.missing_year, after.missing_year}
    for end in (before, after):
        if end.due_on is not None:
            touched |= set(range(min(BEGUN.year, end.due_on.year), max(BEGUN.year, end.due_on.year) + 1))
    assert notice(number).year in touched


AFTERWARDS: dict[str, Callable[[date], Any]] = {
    "suspended": lambda due: [Suspension(due + timedelta(1), None)],
    "suspended and resumed": lambda due: [Suspension(due + timedelta(1), due + timedelta(9))],
}


@pytest.mark.parametrize("what", AFTERWARDS)
@given(start=st.dates(date(2024, 1, 1), date(2026, 3, 1)), amount=st.integers(1, 90), working=st.booleans())
def test_what_happens_after_the_end_does_not_move_it(
    what: str, start: date, amount: int, working: bool
) -> None:
    days, moment = (
        WorkingCalendar(shipped_notices()),
        datetime(start.year, start.month, start.day, tzinfo=SHANGHAI),
    )
    period = Period(amount, ClockUnit.WORKING_DAY if working else ClockUnit.CALENDAR_DAY)
    plain = project(period, moment, (), days)
    assert plain.due_on is not None
    assert project(period, moment, AFTERWARDS[what](plain.due_on), days) == plain
