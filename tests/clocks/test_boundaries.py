"""Every limit of the law on the day before its last, on its last and on the day after; the last days are counted by hand.

Of 2026: days off are 15 to 23 February, 4 to 6 April, 1 to 5 May, 19 to 21 June, 25 to 27 September, 1 to 7 October; worked are
Saturday 14 and Saturday 28 February, Saturday 9 May, Sunday 20 September, Saturday 10 October.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from app.core.actor import SYSTEM
from app.core.clock import SHANGHAI, standing_at
from app.rules.clocks import ClockUnit
from app.services.clocks.content import TimeLimit, time_limits
from app.services.clocks.repository import raise_reminders
from app.services.clocks.service import end_clocks
from tests.clocks.test_console import CLOCKS, ids, shown, start
from tests.factories.cases import Docket


@dataclass(frozen=True)
class Row:
    """A limit, when it began, the day or moment it ends; `amount` and `unit`: as the document states, or the authority has set."""

    code: str
    begins: date | datetime
    ends: date | datetime
    amount: int | None = None
    unit: ClockUnit | None = None

    @property
    def limit(self) -> TimeLimit:
        return next(one for one in time_limits() if one.code == self.code)

    @property
    def name(self) -> str:
        return f"{self.code}-{self.begins:%m%d}"


def on(month: int, day: int, year: int = 2026) -> date:
    return date(year, month, day)


def at(month: int, day: int, hour: int, minute: int) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=SHANGHAI)


WORKING, CALENDAR = ClockUnit.WORKING_DAY, ClockUnit.CALENDAR_DAY
ROWS = [
    # working days: 28, 29, 30 September, 8, 9, Saturday 10, 12, 13, 14, 15 October are the ten after 24 September
    Row("saved_evidence", on(9, 24), on(10, 12)),
    Row("saved_evidence", on(2, 12), on(2, 28)),  # 13, Saturday 14, 24 to 27, Saturday 28 February
    Row("hearing_request", on(9, 24), on(10, 9)),
    Row("hearing_request", on(4, 30), on(5, 11)),  # 6, 7, 8, Saturday 9, 11 May
    Row("hearing_notice", on(10, 20), on(10, 9)),  # seven clear: 19, 16, 15, 14, 13, 12, Saturday 10 lie between
    Row("hearing_notice", on(3, 10), on(2, 27)),  # 9, 6, 5, 4, 3, 2 March, Saturday 28 February lie between
    Row("service", on(4, 30), on(5, 13)),
    Row("cash_to_authority", on(9, 24), on(9, 29)),
    Row("cash_to_authority", on(10, 9), on(10, 12)),  # Saturday 10 is worked
    Row("cash_to_bank", on(2, 13), on(2, 24)),  # Saturday 14 is worked
    Row("urging", on(9, 24), on(10, 15)),
    Row("court_acceptance", on(2, 12), on(2, 26)),
    Row("court_ruling", on(9, 24), on(10, 12)),
    Row("publication", on(9, 15), on(9, 23)),  # 16, 17, 18, Sunday 20, 21, 22, 23 September
    Row("publication", on(9, 24), on(10, 12)),
    Row("publication_withdrawal", on(6, 17), on(6, 23)),  # 18, 22, 23 June
    # calendar days: of the party they move on from a day of rest, of everybody else they do not
    Row("urgent_filing", on(9, 24), on(9, 29)),
    Row("seizure", on(9, 24), on(10, 24)),  # a Saturday
    Row("decision", on(7, 1), on(9, 29)),  # 30 in July, 31 in August, 29 in September
    Row("decision", on(7, 5), on(10, 3)),  # in the holiday of the National Day
    Row("payment", on(9, 10), on(9, 28)),  # the fifteenth is Friday 25 September, a day off
    Row("payment", on(9, 5), on(9, 20)),  # a Sunday that is worked
    Row("payment", on(9, 16), on(10, 8)),  # the fifteenth is 1 October
    Row("review_request", on(8, 2), on(10, 8)),  # the sixtieth is 1 October
    Row("review_request", on(8, 10), on(10, 9)),
    Row("lawsuit_after_review", on(6, 4), on(6, 22)),  # the fifteenth is Friday 19 June, a day off
    Row("court_ruling_after_hearing", on(9, 5), on(10, 5)),
    Row("recheck", on(9, 24), on(10, 4)),
    Row("referral_decision", on(9, 24), on(9, 27)),
    Row("police_filing", on(9, 24), on(9, 27)),
    Row("police_filing_inquiry", on(9, 24), on(10, 1)),
    Row("police_filing_complex", on(9, 24), on(10, 24)),
    Row("police_reconsideration", on(9, 24), on(9, 27)),
    Row("referral_materials", on(9, 30), on(10, 3)),
    Row("service_by_announcement", on(9, 5), on(10, 5)),
    # months and years: the corresponding day
    Row("lawsuit", on(3, 27), on(9, 28)),  # 27 September is a Sunday off
    Row("lawsuit", on(3, 31), on(9, 30)),  # September has no 31st
    Row("court_enforcement", on(7, 4), on(10, 4)),
    Row("onsite_measure", on(3, 31), on(9, 30)),
    Row("onsite_measure", on(8, 31), on(9, 30), 1, ClockUnit.MONTH),  # a decision may state less
    Row("prescription", on(10, 2, 2024), on(10, 2)),
    Row("prescription", on(2, 29, 2024), on(2, 28)),
    Row("prescription_of_danger", on(10, 8, 2021), on(10, 8)),
    # hours: to the minute, through the night and the holiday
    Row("emergency_measure", at(9, 30, 22, 15), at(10, 1, 22, 15)),
    Row("power_cut", at(2, 14, 9, 0), at(2, 15, 9, 0)),
    Row("measure_in_writing", at(4, 30, 17, 40), at(5, 1, 17, 40)),
    Row("referral_sending", at(6, 18, 8, 5), at(6, 19, 8, 5)),
    # as the document states it: it names its last day, and nothing moves that
    Row("rectification", on(9, 10), on(9, 25), 15, CALENDAR),
    Row("rectification", on(9, 24), on(10, 9), 5, WORKING),
    Row("placard", on(9, 5), on(10, 5), 30, CALENDAR),
    # as the authority has set it
    Row("simple_penalty_report", on(4, 30), on(5, 11), 5, WORKING),
    Row("filing", on(9, 24), on(10, 12), 7, WORKING),
    Row("statement", on(6, 17), on(6, 23), 3, WORKING),
    Row("statement", on(9, 20), on(9, 28), 5, CALENDAR),  # of the party: from the 25th, a day off, to the 28th
    Row("hearing", on(9, 12), on(9, 27), 15, CALENDAR),  # of the authority: stays on a day off
    Row("legal_review", on(2, 12), on(3, 4), 10, WORKING),  # on from 28 February: 2, 3, 4 March
    Row("measure_in_writing", at(9, 30, 22, 15), at(10, 2, 10, 15), 36, ClockUnit.HOUR),
]  # fmt: skip


def begun(docket: Docket, row: Row) -> str:
    """The clock of a row, with what the authority has set beforehand."""
    if row.limit.set_by != "authority" or row.amount is None or row.unit is None:
        stated = {} if row.amount is None else {"amount": row.amount, "unit": row.unit}
        return start(docket, row.code, row.begins, **stated)
    rule = {
        "authority_id": str(docket.world.authority), "code": row.code, "amount": row.amount, "unit": row.unit.value,
        "basis": "本局行政处罚工作规程第5条", "in_force_from": "2020-01-01",
    }  # fmt: skip
    answer = docket.world.person("administrator").post(f"{CLOCKS}/limits", json=rule)
    assert answer.status_code == 201, answer.text
    return start(docket, row.code, row.begins)


def seen_at(docket: Docket, moment: datetime, code: str, clock: str) -> tuple[Any, ...]:
    """Overdue, listed as overdue, and reached, as somebody sees it at a moment."""
    with standing_at(moment):
        person = docket.world.logged_in(docket.chief.user_id)
        view = shown(person, clock)
        listed = clock in ids(person.get(CLOCKS, params={"overdue": True, "code": code}))
    return view["is_overdue"], listed, view["is_reached"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_limit_ends_where_it_was_counted_to_by_hand_and_is_over_from_then_on_not_before(
    docket: Docket, row: Row
) -> None:
    clock = begun(docket, row)
    view = shown(docket.chief, clock)
    if isinstance(row.ends, datetime):
        assert datetime.fromisoformat(view["due_at"]) == row.ends
        before, last, after = (row.ends + timedelta(minutes=minutes) for minutes in (-1, 0, 1))
        is_reached_at_last = True  # so many hours have passed
    else:
        assert (view["due_on"], view["due_at"]) == (row.ends.isoformat(), None)
        before = datetime.combine(row.ends - timedelta(days=1), time(12), SHANGHAI)
        last = datetime.combine(row.ends, time(23, 59), SHANGHAI)
        after = datetime.combine(row.ends + timedelta(days=1), time(), SHANGHAI)
        is_reached_at_last = False  # the last day has not passed yet
    seen = [seen_at(docket, moment, row.code, clock) for moment in (before, last, after)]
    if row.limit.meaning == "earliest":
        assert seen == [(False, False, False), (False, False, is_reached_at_last), (False, False, True)]
    else:
        assert seen == [(False, False, None), (False, False, None), (True, True, None)]


OUT_OF_THE_WEEK = [
    on(2, 14),
    on(2, 28),
    on(5, 9),
    on(9, 20),
    on(10, 10),
    *(on(2, day) for day in range(16, 21)),
]
OUT_OF_THE_WEEK += [
    on(2, 23),
    on(4, 6),
    on(5, 1),
    on(5, 4),
    on(5, 5),
    on(6, 19),
    on(9, 25),
    on(10, 1),
    on(10, 5),
]
"""Weekend days that are worked, and days of the week that are off."""


def test_every_limit_is_among_them_and_working_days_are_counted_over_days_out_of_the_week() -> None:
    assert {row.code for row in ROWS} == {one.code for one in time_limits()}
    for limit in time_limits():
        if limit.unit is ClockUnit.WORKING_DAY:
            spans = [sorted((row.begins, row.ends)) for row in ROWS if row.code == limit.code]
            assert any(first < day <= last for first, last in spans for day in OUT_OF_THE_WEEK), limit.code


def test_what_waits_for_its_time_reminds_nobody_and_says_no_more_once_it_has_ended(docket: Docket) -> None:
    clock = start(docket, "service_by_announcement", on(9, 5))
    with standing_at(datetime(2026, 10, 7, 12, tzinfo=SHANGHAI)):
        while docket.world.in_database(raise_reminders):
            pass
        person = docket.world.logged_in(docket.chief.user_id)
        assert person.get(f"{CLOCKS}/reminders").json()["items"] == []
        subject = shown(person, clock)["subject_id"]
        docket.world.in_database(
            lambda session: end_clocks(session, SYSTEM, subject, ["service_by_announcement"], on(10, 7))
        )
        view = shown(person, clock)
    assert (view["is_overdue"], view["is_reached"]) == (False, None)
