"""Legal periods: the facts file's own vectors, the unknown future, and counting backwards."""

from datetime import date, timedelta
from pathlib import Path

import chinese_calendar
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.core.working_calendar import DayKind, Deadline, WorkingCalendar, YearNotice

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
