"""The end of a legal period: its own arithmetic, at year ends and make-up days, and the laws it never breaks."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import SHANGHAI
from app.core.working_calendar import WorkingCalendar
from app.rules.clocks import ClockUnit, Period, Projection, Suspension, Unknown, project
from app.services.clocks.content import TimeLimit, time_limit, time_limits, time_limits_on
from app.services.clocks.notices import shipped_notices

DAYS = WorkingCalendar(shipped_notices())
WORKING, CALENDAR, HOUR = ClockUnit.WORKING_DAY, ClockUnit.CALENDAR_DAY, ClockUnit.HOUR
MONTH, YEAR = ClockUnit.MONTH, ClockUnit.YEAR


def at(day: str, hour: int = 0) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), SHANGHAI) + timedelta(hours=hour)


def end(period: Period, start: str, *suspensions: tuple[str, str | None]) -> Projection:
    standing = [
        Suspension(date.fromisoformat(since), date.fromisoformat(until) if until else None)
        for since, until in suspensions
    ]
    return project(period, at(start), standing, DAYS)


@pytest.mark.parametrize(
    ("amount", "unit", "start", "due"),
    [
        (5, WORKING, "2026-09-24", "2026-10-09"),  # the festival and the national day lie between
        (1, WORKING, "2026-09-19", "2026-09-20"),  # a Sunday that is a make-up workday
        (1, WORKING, "2026-10-09", "2026-10-10"),  # a Saturday that is a make-up workday
        (7, WORKING, "2026-02-12", "2026-02-28"),  # over the spring festival, two make-up Saturdays
        (1, WORKING, "2025-12-31", "2026-01-04"),  # over the year end: the 4th, a Sunday, is worked
        (2, WORKING, "2025-12-31", "2026-01-05"),
        (1, WORKING, "2024-12-31", "2025-01-02"),
        (90, CALENDAR, "2026-11-02", "2027-01-31"),  # a calendar period needs no notice
        (15, CALENDAR, "2026-02-13", "2026-02-28"),
        (1, CALENDAR, "2024-02-28", "2024-02-29"),
        (6, MONTH, "2026-08-31", "2027-02-28"),  # no corresponding day: the month's last (Civil Code 202)
        (6, MONTH, "2023-08-31", "2024-02-29"),
        (3, MONTH, "2026-11-30", "2027-02-28"),
        (1, MONTH, "2026-12-31", "2027-01-31"),
        (2, YEAR, "2024-02-29", "2026-02-28"),
        (5, YEAR, "2021-07-15", "2026-07-15"),
    ],
)
def test_a_period_ends_on_its_day(amount: int, unit: ClockUnit, start: str, due: str) -> None:
    assert end(Period(amount, unit), start) == Projection(date.fromisoformat(due))


@pytest.mark.parametrize(
    ("start", "plain", "rolled"),
    [
        ("2026-09-10", "2026-09-25", "2026-09-28"),
        ("2026-09-16", "2026-10-01", "2026-10-08"),
        ("2026-09-05", "2026-09-20", "2026-09-20"),  # a make-up Sunday is a workday
        ("2026-02-01", "2026-02-16", "2026-02-24"),
        ("2026-06-04", "2026-06-19", "2026-06-22"),
        ("2026-06-05", "2026-06-20", "2026-06-22"),
        ("2026-06-08", "2026-06-23", "2026-06-23"),
    ],
)
def test_a_last_day_of_rest_rolls_over_only_where_it_is_set(start: str, plain: str, rolled: str) -> None:
    assert end(Period(15, CALENDAR), start).due_on == date.fromisoformat(plain)
    assert end(Period(15, CALENDAR, rolls_over=True), start).due_on == date.fromisoformat(rolled)


def test_rolling_over_into_a_year_without_notice_is_not_known() -> None:
    unknown = Projection(unknown=Unknown.CALENDAR_NOT_IMPORTED, missing_year=2027)
    assert end(Period(90, CALENDAR, rolls_over=True), "2026-11-02") == unknown
    assert end(Period(5, WORKING), "2026-12-29") == unknown
    assert end(Period(3, WORKING), "2026-12-25") == Projection(date(2026, 12, 30))


def test_hours_run_from_the_moment_through_the_night() -> None:
    found = project(Period(24, HOUR), at("2026-12-31", 9), (), DAYS)
    assert (found.due_at, found.due_on) == (at("2027-01-01", 9), date(2027, 1, 1))


@pytest.mark.parametrize(
    ("period", "event", "latest"),
    [
        (Period(7, WORKING, backwards=True), "2026-10-20", "2026-10-10"),
        (Period(7, WORKING, backwards=True, clear=True), "2026-10-20", "2026-10-09"),
        (Period(7, CALENDAR, backwards=True), "2026-10-20", "2026-10-13"),
        (Period(7, WORKING, backwards=True, clear=True), "2026-01-08", "2025-12-26"),
    ],
)
def test_a_notice_before_an_event_is_counted_back(period: Period, event: str, latest: str) -> None:
    assert end(period, event) == Projection(date.fromisoformat(latest))


@pytest.mark.parametrize(
    ("unit", "suspensions", "due"),
    [
        (CALENDAR, [("2026-03-05", "2026-03-10")], "2026-03-16"),
        (CALENDAR, [("2026-03-05", "2026-03-10"), ("2026-03-12", "2026-03-13")], "2026-03-17"),
        (CALENDAR, [("2026-03-11", "2026-03-20")], "2026-03-20"),  # on its last day, which no longer counts
        (CALENDAR, [("2026-03-12", None)], "2026-03-11"),  # over before it stood still
        (CALENDAR, [("2026-03-11", None)], None),
        (WORKING, [("2026-03-05", "2026-03-10")], "2026-03-17"),  # three workdays do not count
        (WORKING, [("2026-03-07", "2026-03-09")], "2026-03-12"),  # a weekend counts for nothing anyway
        (WORKING, [("2026-03-02", None)], None),
    ],
)
def test_what_is_suspended_does_not_count(
    unit: ClockUnit, suspensions: list[tuple[str, str | None]], due: str | None
) -> None:
    start = "2026-03-01" if unit is CALENDAR else "2026-02-27"  # the 28th is a make-up workday
    expected = Projection(date.fromisoformat(due)) if due else Projection(unknown=Unknown.SUSPENDED)
    assert end(Period(10, unit), start, *suspensions) == expected


def test_without_a_number_there_is_no_end() -> None:
    assert end(Period(None, CALENDAR), "2026-03-01") == Projection(unknown=Unknown.NO_NUMBER_SET)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 0, "unit": CALENDAR},
        {"amount": 1, "unit": HOUR, "backwards": True},
        {"amount": 1, "unit": CALENDAR, "clear": True},
    ],
)
def test_an_impossible_period_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"day|days"):
        Period(**wrong)


def test_hours_and_periods_counted_back_are_never_suspended() -> None:
    for period in (Period(24, HOUR), Period(7, WORKING, backwards=True)):
        with pytest.raises(ValueError, match="never suspended"):
            end(period, "2026-03-01", ("2026-03-02", None))


# --- what holds for every period ---

STARTS = st.dates(date(2024, 1, 1), date(2026, 3, 1))  # what follows ends within the notices held
AMOUNTS = st.integers(1, 90)
UNITS = st.sampled_from([WORKING, CALENDAR])


def spans(start: date) -> st.SearchStrategy[list[Suspension]]:
    span = st.tuples(st.integers(1, 60), st.integers(1, 20)).map(
        lambda pair: Suspension(start + timedelta(pair[0]), start + timedelta(pair[0] + pair[1]))
    )
    return st.lists(span, max_size=3)


@given(start=STARTS, amount=AMOUNTS, unit=UNITS, data=st.data())
def test_exactly_so_many_days_count_up_to_the_last_one(
    start: date, amount: int, unit: ClockUnit, data: st.DataObject
) -> None:
    standing = data.draw(spans(start))
    due = project(Period(amount, unit), at(start.isoformat()), standing, DAYS).due_on
    assert due is not None
    between = [start + timedelta(n) for n in range(1, (due - start).days + 1)]
    counted = [
        day
        for day in between
        if not any(one.since <= day and (one.until is None or day < one.until) for one in standing)
        and (unit is CALENDAR or DAYS.is_workday(day))
    ]
    assert len(counted) == amount
    assert counted[-1] == due


@given(start=STARTS, amount=AMOUNTS, unit=UNITS, data=st.data())
def test_the_order_in_which_suspensions_are_told_changes_nothing(
    start: date, amount: int, unit: ClockUnit, data: st.DataObject
) -> None:
    standing = data.draw(spans(start))
    told = data.draw(st.permutations(standing))
    moment, period = at(start.isoformat()), Period(amount, unit)
    assert project(period, moment, standing, DAYS) == project(period, moment, told, DAYS)


@given(start=STARTS, amount=AMOUNTS, unit=UNITS, more=st.integers(1, 30))
def test_more_time_never_ends_sooner_and_a_suspension_never_shortens(
    start: date, amount: int, unit: ClockUnit, more: int
) -> None:
    moment = at(start.isoformat())
    plain = project(Period(amount, unit), moment, (), DAYS).due_on
    longer = project(Period(amount + more, unit), moment, (), DAYS).due_on
    pause = Suspension(start + timedelta(1), start + timedelta(1 + more))
    paused = project(Period(amount, unit), moment, [pause], DAYS).due_on
    assert plain is not None
    assert longer is not None
    assert paused is not None
    assert plain < longer
    assert plain <= paused
    if unit is CALENDAR:
        assert paused == plain + timedelta(more)


# --- the limits of the law ---

MONEY = {"TL-SIMPLE-FINE", "TL-SURCHARGE", "TL-ENT-WITHDRAW"}
"""Bounds of money among the facts, no periods: app/rules/fines.py."""
UNITS_OF_FACTS = {"working": WORKING, "calendar": CALENDAR, "clock": HOUR}


def facts(shared_folder: Path) -> dict[str, Any]:
    body = yaml.safe_load((shared_folder / "law" / "procedure.yaml").read_text("utf-8"))
    return {one["id"]: one for one in body["time_limits"]}


PRESUMED = {"measure_in_writing"}
"""Needed by a state of the facts (S05: oral first, writing follows) without a number: presumed until an authority sets one."""

STATED = {"placard"}
"""Of no limit of the facts (their section on governing major hazards): the decision itself states the period."""


def test_every_limit_of_the_facts_is_carried_and_none_besides(shared_folder: Path) -> None:
    carried = {one.fact for one in time_limits() if one.code not in PRESUMED | STATED}
    assert carried | MONEY == set(facts(shared_folder))


ONE_NUMBER = {
    "TL-URGENT-FILE", "TL-REG-SAVE", "TL-SEAL", "TL-SEAL-EMG", "TL-POWER", "TL-DECIDE", "TL-HEAR-REQ", "TL-HEAR-NOTICE",
    "TL-PAY", "TL-APPEAL", "TL-URGE", "TL-COURT", "TL-RECHECK", "TL-TRANSFER-DECIDE", "TL-TRANSFER-SEND",
    "TL-RECONSIDER-POLICE", "TL-MATERIAL",
}  # fmt: skip


def test_numbers_and_units_agree_with_the_facts_and_what_is_unsure_is_marked(shared_folder: Path) -> None:
    known, plain = facts(shared_folder), 0
    for limit in time_limits():
        if limit.code in PRESUMED | STATED:
            continue
        fact = known[limit.fact]
        assert limit.to_be_confirmed or "unverified" not in fact["source"], limit.code
        if limit.fact in ONE_NUMBER:
            assert limit.amount == fact["value"], limit.code
            plain += 1
        elif limit.amount is not None:
            assert str(limit.amount) in f"{fact['value']}{fact.get('system_note', '')}", limit.code
        word = fact["day_type"].partition("_")[0].partition("(")[0]
        if limit.fact in ONE_NUMBER and word in UNITS_OF_FACTS and fact["day_type"] != "calendar_month":
            assert limit.unit is UNITS_OF_FACTS[word] or limit.to_be_confirmed, limit.code
    assert plain == len(ONE_NUMBER)


@pytest.mark.parametrize("limit", time_limits(), ids=lambda limit: limit.code)
def test_a_limit_is_well_formed(limit: TimeLimit) -> None:
    if limit.code in PRESUMED:
        assert (limit.set_by, limit.to_be_confirmed) == ("authority", True)
    else:
        assert (limit.amount is None) == (limit.set_by != "law")
    assert limit.amount is None or limit.unit is not None
    assert limit.basis.zh
    assert limit.basis.en
    assert time_limit(limit.code, limit.in_force_from) is limit
    assert not limit.suspended_by or limit.unit not in (HOUR, None)


def test_only_limits_in_force_are_given() -> None:
    assert {limit.code for limit in time_limits_on(date(2013, 1, 1))} == {
        "seizure", "emergency_measure", "urging", "court_acceptance", "court_ruling", "court_ruling_after_hearing",
        "rectification", "recheck", "onsite_measure",
    }  # fmt: skip
    with pytest.raises(KeyError):
        time_limit("nothing", date(2026, 1, 1))
