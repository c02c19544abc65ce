"""Legal periods: the facts file's own vectors, the unknown future, and counting backwards."""

from datetime import date, timedelta
from pathlib import Path

import chinese_calendar
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.core.working_calendar import DayKind, Deadline, Horizon, WorkingCalendar, YearNotice

ROOT = Path(__file__).parents[2]
FACTS = ROOT / "../shared/law/procedure.yaml"


def _notice(path: Path) -> YearNotice:
    content = yaml.safe_load(path.read_text("utf-8"))
    spans = content["holidays"]
    off = {first + timedelta(days=n) for first, last in spans for n in range((last - first).days + 1)}
    return YearNotice(content["year"], frozenset(off), frozenset(content["make_up_workdays"]))


CALENDAR = WorkingCalendar(_notice(path) for path in (ROOT / "app/content/calendar").glob("*.yaml"))


def test_every_vector_of_the_facts_file_holds() -> None:
    if not FACTS.exists():
        pytest.skip(
            "LOUD: the facts file ../shared/law/procedure.yaml is absent, its vectors are not checked"
        )
    vectors = yaml.safe_load(FACTS.read_text("utf-8"))["test_vectors_working_days"]
    assert len(vectors) == 7
    for vector in vectors:
        kind = DayKind.WORKING if "n" in vector else DayKind.CALENDAR
        days = vector["n"] if "n" in vector else vector["n_calendar"]
        found = CALENDAR.deadline(date.fromisoformat(vector["start"]), days, kind)
        unknown = vector["due"].startswith("UNKNOWN")
        expected = Deadline(None, 2027) if unknown else Deadline(date.fromisoformat(vector["due"][:10]))
        assert found == expected, vector


def test_roll_over_into_a_year_without_notice_is_unknown() -> None:
    found = CALENDAR.deadline(date(2026, 11, 2), 90, DayKind.CALENDAR, roll_over=True)
    assert found == Deadline(None, 2027)


def test_roll_over_skips_the_whole_holiday() -> None:
    found = CALENDAR.deadline(date(2026, 9, 21), 10, DayKind.CALENDAR, roll_over=True)
    assert found == Deadline(date(2026, 10, 8))


@given(st.dates(date(2024, 3, 1), date(2026, 9, 1)), st.integers(1, 30))
def test_a_forward_period_ends_on_a_workday_and_counts_each_one(start: date, days: int) -> None:
    due = CALENDAR.deadline(start, days, DayKind.WORKING).due_on
    assert due is not None
    between = (start + timedelta(days=n) for n in range(1, (due - start).days + 1))
    assert CALENDAR.is_workday(due)
    assert sum(bool(CALENDAR.is_workday(day)) for day in between) == days


def test_counting_backwards_excludes_the_day_it_starts_from() -> None:
    assert CALENDAR.deadline(date(2026, 10, 9), -2, DayKind.WORKING) == Deadline(date(2026, 9, 30))


def test_the_notices_agree_with_an_independent_calendar() -> None:
    for number in range((date(2026, 12, 31) - date(2024, 1, 1)).days + 1):
        day = date(2024, 1, 1) + timedelta(days=number)
        assert CALENDAR.is_workday(day) == chinese_calendar.is_workday(day), day


# --- what is certainly within so many workdays ---


@given(start=st.dates(date(2024, 1, 1), date(2026, 12, 1)), days=st.integers(1, 20))
def test_within_the_calendar_the_horizon_is_the_deadline(start: date, days: int) -> None:
    assert CALENDAR.horizon(start, days) == Horizon(
        CALENDAR.deadline(start, days, DayKind.WORKING).due_on or date.max, is_cut=False
    )


DAYS_OF_2027 = st.dates(date(2027, 1, 1), date(2027, 12, 31))


@given(
    start=st.dates(date(2026, 12, 20), date(2027, 2, 1)),
    days=st.integers(1, 20),
    holidays=st.sets(DAYS_OF_2027, max_size=40),
    workdays=st.sets(DAYS_OF_2027, max_size=40),
)
def test_whatever_the_missing_notice_will_say_the_cut_horizon_is_no_later_than_the_deadline(
    start: date, days: int, holidays: set[date], workdays: set[date]
) -> None:
    notices = [_notice(path) for path in (ROOT / "app/content/calendar").glob("*.yaml")]
    coming = YearNotice(2027, frozenset(holidays - workdays), frozenset(workdays))
    due = WorkingCalendar([*notices, coming]).deadline(start, days, DayKind.WORKING).due_on
    cut = CALENDAR.horizon(start, days)
    assert due is not None
    assert start < cut.until <= due
    assert cut.is_cut or cut.until == due


@given(start=st.dates(date(2026, 12, 20), date(2027, 2, 1)), days=st.integers(1, 20))
def test_no_later_day_is_certain(start: date, days: int) -> None:
    """If every day of the missing year were worked, the horizon would be the deadline."""
    notices = [_notice(path) for path in (ROOT / "app/content/calendar").glob("*.yaml")]
    every_day = frozenset(date(2027, 1, 1) + timedelta(days=n) for n in range(365))
    worked = WorkingCalendar([*notices, YearNotice(2027, frozenset(), every_day)])
    assert CALENDAR.horizon(start, days).until == worked.deadline(start, days, DayKind.WORKING).due_on
