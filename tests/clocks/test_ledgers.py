"""Whatever happens, and whenever it is looked at: a clock in the database moves by a row of its ledger and not otherwise."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM, Actor, Grant
from app.core.clock import SHANGHAI, shanghai_today, standing_at
from app.core.errors import Problem
from app.core.ids import new_id
from app.core.paging import PageRequest
from app.models.clocks import Clock, ClockEvent, RollOverRule
from app.rules.clocks import project
from app.schemas.clocks import NoticeRequest
from app.services.clocks import reprojection
from app.services.clocks.awaiting import is_awaiting, list_awaited
from app.services.clocks.ledger import list_ledger, period_of, suspensions_of
from app.services.clocks.notices import import_notice, working_calendar
from app.services.clocks.repository import (
    ClockFilter,
    count_clocks,
    get_clock,
    list_clocks,
    list_reminders,
    raise_reminders,
    show_clock,
)
from app.services.clocks.reprojection import project_known, project_page
from app.services.clocks.responsibility import Subject
from app.services.clocks.service import end_clocks, extend_clock, resume_clock, start_clock, suspend_clock
from app.services.identity.policy import actions_of
from tests.factories.cases import Docket

FIRST_DAY = date(2026, 12, 1)
BEGUN: dict[str, tuple[date, int | None]] = {
    "seizure": (date(2026, 11, 27), None),  # thirty days, with appraisals, may be extended; rolls over here
    "decision": (date(2026, 10, 8), None),  # ninety days, with hearings
    "rectification": (date(2026, 11, 20), 20),  # as the order states it; may be extended
    "publication": (date(2026, 12, 1), None),  # seven working days
    "urging": (date(2026, 12, 22), None),  # ten working days, into a year that is not known at first
    "hearing_notice": (date(2027, 1, 8), None),  # counted back from its event over New Year
    "emergency_measure": (date(2026, 12, 1), None),  # hours
}
CODES = list(BEGUN)
GROUND = {"seizure": "appraisal", "decision": "hearing"}
MOVING = ("suspend", "resume", "extend")

Step = tuple[str, int, int]
"""What happens, to which clock, and how much of it: days that pass or lie behind, days approved, which notice."""
ALL: list[Step] = [
    ("read", 0, 0), ("suspend", 0, 2), ("wait", 0, 9), ("remind", 0, 0), ("suspend", 0, 0), ("resume", 0, 3), ("extend", 0, 10),
    ("extend", 2, 5), ("extend", 3, 5), ("notice", 0, 1), ("read", 0, 0), ("suspend", 1, 1), ("notice", 0, 4), ("notice", 0, 4),
    ("wait", 0, 25), ("resume", 1, 0), ("notice", 0, 3), ("known", 0, 0), ("end", 0, 0), ("notice", 0, 5), ("suspend", 0, 0),
    ("wait", 0, 25), ("remind", 0, 0), ("read", 0, 0),
]  # fmt: skip
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["wait", "read", "remind", "known", "notice", "notice", "suspend", "resume", "extend", "end"]
        ),
        st.integers(0, len(CODES) - 1),
        st.integers(0, 25),
    ),
    max_size=14,
)


@dataclass(frozen=True)
class Standing:
    """A clock's row as far as its end goes, and its ledger."""

    end: tuple[Any, ...]
    version: int
    ledger: tuple[tuple[Any, ...], ...]


class Story:
    """Clocks of one authority in one unit of work, which is undone afterwards."""

    def __init__(self, session: AsyncSession, docket: Docket) -> None:
        self.session = session
        self.docket = docket
        self.ids: list[UUID] = []
        self.subject = Subject("case", new_id(), docket.world.authority, docket.region)
        regions = frozenset({docket.region})
        self.reader = Actor(
            "user", (Grant("approver", actions_of("approver"), regions),), docket.chief.user_id
        )

    async def begin(self) -> None:
        """Everybody's last day rolls over, and every clock of BEGUN runs."""
        rule = RollOverRule(
            authority_id=self.docket.world.authority, applies_to="everybody", basis="x", in_force_from=date(2026, 1, 1),
            set_by=self.docket.chief.user_id,
        )  # fmt: skip
        self.session.add(rule)
        await self.session.flush()
        for code, (on, amount) in BEGUN.items():
            clock = await start_clock(self.session, SYSTEM, self.subject, code, on, amount=amount)
            self.ids.append(clock.id)

    async def standing(self) -> list[Standing]:
        """How they are stored."""
        columns = (Clock.due_on, Clock.due_at, Clock.unknown, Clock.missing_year, Clock.version)
        found = []
        for identifier in self.ids:
            row = (await self.session.execute(select(*columns).where(Clock.id == identifier))).one()
            told = select(
                ClockEvent.action, ClockEvent.notice_id, ClockEvent.due_before, ClockEvent.due_after
            ).where(ClockEvent.clock_id == identifier)
            rows = await self.session.execute(told.order_by(ClockEvent.position))
            found.append(Standing(tuple(row[:4]), row[4], tuple(tuple(one) for one in rows)))
        return found

    async def take(self, step: Step) -> str | UUID | None:
        """Take a step that does something to clocks; what their ledgers must name for it, None when it was refused."""
        verb, which, amount = step
        clock = await get_clock(self.session, self.reader, self.ids[which])
        on = shanghai_today() - timedelta(days=amount)
        acts: dict[str, Callable[[], Awaitable[Any]]] = {
            "suspend": lambda: suspend_clock(
                self.session, SYSTEM, clock, clock.version, on, GROUND.get(clock.code, "hearing"), "依法"
            ),
            "resume": lambda: resume_clock(self.session, SYSTEM, clock, clock.version, on, "依法"),
            "extend": lambda: extend_clock(self.session, SYSTEM, clock, clock.version, amount + 1, "复杂"),
            "end": lambda: end_clocks(self.session, SYSTEM, self.subject.id, [clock.code], shanghai_today()),
            "notice": lambda: import_notice(self.session, self.reader, notice(amount)),
        }
        try:
            done = await acts[verb]()
        except Problem:
            return None
        if verb != "notice":
            return verb
        assert await self.standing() == self.before  # kept, and nothing moved yet
        await self.check_projected()
        while await project_page(self.session, done.id):
            await self.check_projected()
        assert await list_awaited(self.session) == []
        return UUID(str(done.id))

    async def look(self, verb: str) -> None:
        """Read everything there is to read, or let the worker run: nothing of it is an event."""
        if verb == "remind":
            await raise_reminders(self.session)
        elif verb == "known":
            await project_known(self.session, None)
        elif verb == "read":
            for narrowed in (ClockFilter(), ClockFilter(unknown=True), ClockFilter(ended=True)):
                page, _ = await list_clocks(self.session, self.reader, PageRequest(), narrowed)
                for clock in page.items:
                    show_clock(clock, shanghai_today(), [])
            await count_clocks(self.session, self.reader, ClockFilter())
            await list_reminders(self.session, self.reader, PageRequest(), ClockFilter())

    async def tell(self, steps: list[Step]) -> None:
        """Take the steps, and look at every clock after each of them."""
        now = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, 12, tzinfo=SHANGHAI)
        with standing_at(now):
            await self.begin()
        self.before = await self.standing()
        for step in steps:
            verb, which, amount = step
            now += timedelta(days=amount) if verb == "wait" else timedelta()
            with standing_at(now):
                if verb in ("wait", "read", "remind", "known"):
                    await self.look(verb)
                    assert await self.standing() == self.before
                    continue
                cause = await self.take(step)
                after = await self.standing()
            for place, (old, new) in enumerate(zip(self.before, after, strict=True)):
                is_meant = isinstance(cause, UUID) or place == which
                self.judge(old, new, cause if is_meant else None)
            await self.check_projected()
            self.before = after

    def judge(self, old: Standing, new: Standing, cause: str | UUID | None) -> None:
        """What changed was written down, as what it was."""
        assert new.ledger[: len(old.ledger)] == old.ledger
        written = new.ledger[len(old.ledger) :]
        if not written:
            assert new == old
            return
        ((action, notice_id, due_before, due_after),) = written
        assert cause is not None
        assert new.version == old.version + 1
        assert (due_before, due_after) == (old.end[0], new.end[0])
        if isinstance(cause, UUID):
            assert (action, notice_id) == ("reproject", cause)
            assert new.end != old.end
        else:
            assert (action, notice_id) == (cause, None)
            assert action in MOVING or new.end == old.end

    async def check_projected(self) -> None:
        """Every running clock ends where its ledger and the calendar say, or is marked until it is projected; no notice leaves one
        out."""
        days, awaited = await working_calendar(self.session), await list_awaited(self.session)
        for identifier in self.ids:
            clock = await get_clock(self.session, self.reader, identifier)
            if clock.ended_on is None and not is_awaiting(clock, awaited):
                pauses = suspensions_of(await list_ledger(self.session, identifier))
                end = project(period_of(clock), clock.started_at.astimezone(SHANGHAI), pauses, days)
                assert (clock.due_on, clock.unknown, clock.missing_year) == (
                    end.due_on,
                    end.unknown,
                    end.missing_year,
                )


def notice(number: int) -> NoticeRequest:
    """One of several notices: even numbers for 2026 (again), odd ones for 2027, each with other days off."""
    year, off = (2027, number) if number % 2 else (2026, number + 330)
    days = [date(year, 1, 1) + timedelta(days=off + more) for more in range(5)]
    return NoticeRequest(
        year=year, holidays=days, make_up_workdays=[], title="节假日安排的通知", source="中国政府网"
    )


class Undone(Exception):
    """Ends a story."""


@settings(max_examples=20)
@given(steps=STEPS)
@example(steps=ALL)
def test_a_clock_moves_by_a_row_of_its_ledger_and_never_by_time_reading_or_reminding(
    docket: Docket, steps: list[Step]
) -> None:
    """Also while a notice is projected page by page."""

    async def tell(session: AsyncSession) -> None:
        await Story(session, docket).tell(steps)
        raise Undone

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reprojection, "PAGE", 2)
        with pytest.raises(Undone):
            docket.world.in_database(tell)
