"""Counting legal periods in working and calendar days, over imported notices of holidays.

Reading the notices (``app/content/calendar``) and choosing the rule of a period belong to the callers.
The day on which a period starts is never counted. A year without an imported notice is unknown, not guessed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class DayKind(StrEnum):
    WORKING = "working"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class YearNotice:
    """One year's notice: its days off (weekends need not be named) and its make-up workdays."""

    year: int
    holidays: frozenset[date]
    make_up_workdays: frozenset[date]

    def __post_init__(self) -> None:
        if any(day.year != self.year for day in self.holidays | self.make_up_workdays):
            raise ValueError(f"the notice of {self.year} names a day of another year")
        if self.holidays & self.make_up_workdays:
            raise ValueError(f"the notice of {self.year} names a day both as holiday and as workday")


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last day of a period, or the year whose notice must be imported before it can be known."""

    due_on: date | None
    missing_year: int | None = None

    @property
    def known(self) -> bool:
        return self.due_on is not None


@dataclass(frozen=True, slots=True)
class Horizon:
    """The last day that is certainly within so many workdays; `is_cut`: the calendar ends before, later days may be within too."""

    until: date
    is_cut: bool


class WorkingCalendar:
    """Knows the workdays of the years whose notices it was given."""

    def __init__(self, notices: Iterable[YearNotice]) -> None:
        self._notices = {notice.year: notice for notice in notices}

    def is_workday(self, day: date) -> bool | None:
        """Whether people work on this day; None when the year's notice was not imported."""
        notice = self._notices.get(day.year)
        if notice is None:
            return None
        if day in notice.make_up_workdays:
            return True
        return day not in notice.holidays and day.isoweekday() <= 5

    def deadline(self, start: date, days: int, kind: DayKind, *, roll_over: bool = False) -> Deadline:
        """The last day of ``days`` days after ``start``; negative ``days`` count backwards from it.

        ``roll_over`` moves the end of a forward calendar period off a day of rest to the next workday
        (Civil Procedure Law, article 85); whether it applies to a period is the caller's setting.
        Raises ValueError for zero days.
        """
        if days == 0:
            raise ValueError("a period has at least one day")
        if kind is DayKind.WORKING:
            return self._count_workdays(start, days)
        end = start + timedelta(days=days)
        return self._next_workday(end) if roll_over and days > 0 else Deadline(end)

    def horizon(self, start: date, days: int) -> Horizon:
        """What is certainly within ``days`` workdays after ``start``.

        Beyond the calendar every day may turn out to be a workday: so many days are within, whatever the notice will say.
        """
        day, left, is_cut = start, days, False
        while left:
            day += timedelta(days=1)
            works = self.is_workday(day)
            is_cut |= works is None
            left -= works is not False
        return Horizon(day, is_cut)

    def _count_workdays(self, start: date, days: int) -> Deadline:
        step = timedelta(days=1 if days > 0 else -1)
        day, left = start, abs(days)
        while left:
            day += step
            works = self.is_workday(day)
            if works is None:
                return Deadline(None, day.year)
            left -= works
        return Deadline(day)

    def _next_workday(self, day: date) -> Deadline:
        while not (works := self.is_workday(day)):
            if works is None:
                return Deadline(None, day.year)
            day += timedelta(days=1)
        return Deadline(day)


class CountedCalendar(WorkingCalendar):
    """The same, and remembers the years it was asked about: what an answer rests on."""

    def __init__(self, notices: Iterable[YearNotice]) -> None:
        super().__init__(notices)
        self.years: set[int] = set()

    def is_workday(self, day: date) -> bool | None:
        """The same, noting the year."""
        self.years.add(day.year)
        return super().is_workday(day)
