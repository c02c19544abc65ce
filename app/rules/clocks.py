"""Statutory clocks: the day a legal period ends, projected from the period, its ledger and the imported calendar. Pure.

The day of the start event is never counted. What is suspended does not count. A year whose notice was not imported is unknown,
never guessed. Nothing here writes a due date down: whoever does, does it because an event happened.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.core.working_calendar import DayKind, WorkingCalendar


class ClockUnit(StrEnum):
    """What a period counts in."""

    WORKING_DAY = "working_day"
    CALENDAR_DAY = "calendar_day"
    HOUR = "hour"
    MONTH = "month"
    YEAR = "year"


class Unknown(StrEnum):
    """Why the end of a period is not known."""

    NO_NUMBER_SET = "no_number_set"
    CALENDAR_NOT_IMPORTED = "calendar_not_imported"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Period:
    """A legal period. `amount` None: the law gives no number. Backwards: it ends before its event (a notice of a hearing).

    `clear`: so many whole days lie between the end and the event (only backwards). `rolls_over`: an end on a day of rest moves to
    the next workday (Civil Procedure Law 85), except for working days, which never end on one, and hours.
    """

    amount: int | None
    unit: ClockUnit
    rolls_over: bool = False
    backwards: bool = False
    clear: bool = False

    def __post_init__(self) -> None:
        if self.amount is not None and self.amount < 1:
            raise ValueError("a period has at least one day, hour, month or year")
        if self.backwards and self.unit not in (ClockUnit.WORKING_DAY, ClockUnit.CALENDAR_DAY):
            raise ValueError("only days are counted backwards")
        if self.clear and not self.backwards:
            raise ValueError("only a period that is counted backwards has clear days")


@dataclass(frozen=True, slots=True)
class Suspension:
    """Days that do not count: from the day it begins to the day before it ends; `until` None: it still lasts."""

    since: date
    until: date | None


@dataclass(frozen=True, slots=True)
class Projection:
    """Where a period ends: a day, or a moment for hours; or why that is not known, and the year whose notice is missing."""

    due_on: date | None = None
    due_at: datetime | None = None
    unknown: Unknown | None = None
    missing_year: int | None = None


def project(
    period: Period, started_at: datetime, suspensions: Sequence[Suspension], days: WorkingCalendar
) -> Projection:
    """The end of a period that began at a moment (of local time), with everything in its ledger.

    Raises ValueError for suspended hours or a suspended period counted backwards: no law knows them.
    """
    if period.amount is None:
        return Projection(unknown=Unknown.NO_NUMBER_SET)
    if suspensions and (period.unit is ClockUnit.HOUR or period.backwards):
        raise ValueError("hours and periods counted backwards are never suspended")
    if period.unit is ClockUnit.HOUR:
        due_at = started_at + timedelta(hours=period.amount)
        return Projection(due_at.date(), due_at)
    start = started_at.date()
    if period.backwards:
        return _count_back(period, start, days)
    if period.unit is ClockUnit.WORKING_DAY:
        return _count(start, period.amount, suspensions, days)
    end = _count(start, (_calendar_end(period, start) - start).days, suspensions, None)
    return _next_workday(end, days) if period.rolls_over else end


def _count(
    start: date, amount: int, suspensions: Sequence[Suspension], working: WorkingCalendar | None
) -> Projection:
    """The day on which `amount` days that count have passed: workdays, or any day without `working`."""
    day, left = start, amount
    while left:
        day += timedelta(days=1)
        on = [one for one in suspensions if one.since <= day and (one.until is None or day < one.until)]
        if any(one.until is None for one in on):
            return Projection(unknown=Unknown.SUSPENDED)
        if on:
            continue
        counts = True if working is None else working.is_workday(day)
        if counts is None:
            return _not_imported(day.year)
        left -= counts
    return Projection(day)


def _count_back(period: Period, event: date, days: WorkingCalendar) -> Projection:
    """The last day on which it is still early enough."""
    assert period.amount is not None
    amount = period.amount + period.clear
    kind = DayKind.WORKING if period.unit is ClockUnit.WORKING_DAY else DayKind.CALENDAR
    end = days.deadline(event, -amount, kind)
    return Projection(end.due_on) if end.missing_year is None else _not_imported(end.missing_year)


def _next_workday(end: Projection, days: WorkingCalendar) -> Projection:
    if end.due_on is None:
        return end
    day = end.due_on
    while not (works := days.is_workday(day)):
        if works is None:
            return _not_imported(day.year)
        day += timedelta(days=1)
    return Projection(day)


def _not_imported(year: int) -> Projection:
    return Projection(unknown=Unknown.CALENDAR_NOT_IMPORTED, missing_year=year)


def _calendar_end(period: Period, start: date) -> date:
    """The day a calendar period ends; months and years end on the corresponding day, or the month's last (Civil Code 202)."""
    assert period.amount is not None
    if period.unit is ClockUnit.CALENDAR_DAY:
        return start + timedelta(days=period.amount)
    months = period.amount * (12 if period.unit is ClockUnit.YEAR else 1)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))
