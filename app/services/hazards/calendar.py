"""The working calendar of the imported notices that ship with the program."""

from datetime import date, timedelta
from functools import cache

from app.content.reading import content_names, read_content
from app.core.working_calendar import WorkingCalendar, YearNotice


@cache
def working_calendar() -> WorkingCalendar:
    """Every notice in content/calendar."""
    return WorkingCalendar(year_notices())


@cache
def year_notices() -> tuple[YearNotice, ...]:
    """The notices themselves, by year."""
    bodies = [read_content(f"calendar/{name}") for name in content_names("calendar")]
    notices = (
        YearNotice(body["year"], _days(body["holidays"]), frozenset(body["make_up_workdays"]))
        for body in bodies
    )
    return tuple(sorted(notices, key=lambda notice: notice.year))


def _days(periods: list[list[date]]) -> frozenset[date]:
    """Every day of the periods, first and last included."""
    return frozenset(
        first + timedelta(days=step) for first, last in periods for step in range((last - first).days + 1)
    )
