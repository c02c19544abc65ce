"""Statutory clocks on the wire: limits, clocks with their ledger, reminders, the notices of the working calendar."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.schemas.common import View, Wire

Unit = Literal["working_day", "calendar_day", "hour", "month", "year"]
Unknown = Literal["no_number_set", "calendar_not_imported", "suspended"]
Ground = Literal["hearing", "appraisal", "announcement", "referral", "review"]
Basis = Annotated[str, StringConstraints(strip_whitespace=True, min_length=4, max_length=500)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=1000)]
Days = Annotated[list[date], Field(max_length=120)]


class ClockView(View):
    """A legal period. `is_overdue` null: not known, for the reason named. `to_be_confirmed`: the number needs checking.

    `amount` includes what it was extended by. `meaning` earliest: not before it has passed, instead of by then.
    `is_reached`: of a running one with meaning earliest, whether its end has passed; null of every other.
    `awaits_calendar`: a notice that was imported may move its end, and it is not projected by it yet: within minutes it is.
    `missing_year`: the year whose notice must be imported before the end is known. `responsible_id`: who answers for it, and
    `brigade_id` his unit.
    """

    id: UUID
    version: int
    code: str
    title_zh: str
    title_en: str
    subject_kind: str
    subject_id: UUID
    authority_id: UUID
    region_id: UUID
    brigade_id: UUID | None
    responsible_id: UUID | None
    started_at: datetime
    amount: int | None
    extended_by: int
    unit: Unit
    rolls_over: bool
    meaning: Literal["deadline", "earliest"]
    due_on: date | None
    due_at: datetime | None
    ended_on: date | None
    is_overdue: bool | None
    is_reached: bool | None
    unknown: Unknown | None
    missing_year: int | None
    awaits_calendar: bool
    basis: str
    to_be_confirmed: bool


class LedgerRow(View):
    """One thing that happened to a clock, and what it did to the end. `notice_id`: the notice that moved it.

    `responsible_id`: who answers for it from then on, of a start, a reopening or a hand-over.
    """

    action: Literal["start", "suspend", "resume", "extend", "end", "reopen", "reproject", "hand_over"]
    on_date: date
    ground: Ground | None
    reason: str | None
    amount: int | None
    notice_id: UUID | None
    due_before: date | None
    due_after: date | None
    responsible_id: UUID | None
    user_id: UUID | None
    created_at: datetime


class YearSource(View):
    """The State Council's notice of a year's holidays; `notice_id` null: shipped with the program.

    `to_be_confirmed`: nobody has compared what ships with the notice itself.
    """

    year: int
    title: str
    document_number: str | None
    issued_on: date | None
    source: str
    to_be_confirmed: bool
    notice_id: UUID | None


class ClockDetail(ClockView):
    """One clock with its ledger, oldest first. `calendar`: the notices that its end rests on, while it runs; empty: on none."""

    ledger: list[LedgerRow]
    calendar: list[YearSource]


class ClockCounts(View):
    """Running clocks under a filter. `soon_until`: the last day that is certainly within three working days; `is_cut`: the imported
    calendar ends before, so that clocks due later may be within them too.
    """

    running: int
    overdue: int
    due_today: int
    due_in_three_working_days: int
    soon_until: date
    is_cut: bool
    unknown: int


class ReminderView(View):
    """That a clock is due within three working days (before), today (due), or past (overdue)."""

    kind: Literal["before", "due", "overdue"]
    raised_at: datetime
    clock: ClockView


class SuspendRequest(Wire):
    """Since when the clock stands still, on which ground of the law, and why."""

    on_date: date
    ground: Ground
    reason: Reason


class ResumeRequest(Wire):
    """From which day it runs on, and why."""

    on_date: date
    reason: Reason


class ExtendRequest(Wire):
    """How much more was approved, in the clock's own unit, and why."""

    amount: Annotated[int, Field(ge=1, le=365)]
    reason: Reason


class HandOverRequest(Wire):
    """Who answers for the clock from today on, and why."""

    responsible_id: UUID
    reason: Reason


class NoticeRequest(Wire):
    """A year's holidays and make-up workdays, every day named, and where they are from."""

    year: Annotated[int, Field(ge=2000, le=2100)]
    holidays: Days
    make_up_workdays: Days
    title: Basis
    document_number: Annotated[str, Field(max_length=60)] | None = None
    issued_on: date | None = None
    source: Basis


class NoticeView(View):
    """An imported notice; `number` counts the notices of its year, the newest holds.

    `clocks_moved`: how many ended otherwise by it; `projected_at`: since when that is all of them, or a later notice of the year
    has taken its place (null: they are still being projected).
    """

    id: UUID
    year: int
    number: int
    holidays: list[date]
    make_up_workdays: list[date]
    title: str
    document_number: str | None
    issued_on: date | None
    source: str
    sha256: str
    imported_by: UUID
    created_at: datetime
    clocks_moved: int
    projected_at: datetime | None


class YearView(YearSource):
    """A year of the working calendar in force."""

    holidays: list[date]
    make_up_workdays: list[date]


class LimitRequest(Wire):
    """A number for a limit the law leaves open, with the rule it comes from."""

    authority_id: UUID
    code: Annotated[str, Field(max_length=40)]
    amount: Annotated[int, Field(ge=1, le=365)]
    unit: Literal["working_day", "calendar_day", "hour", "month"]
    basis: Basis
    in_force_from: date


class LimitView(View):
    """A number set by an authority."""

    id: UUID
    authority_id: UUID
    code: str
    amount: int
    unit: Unit
    basis: str
    in_force_from: date


class RollOverRequest(Wire):
    """Whose periods move a last day that is a day of rest to the next workday, by which rule, from when."""

    authority_id: UUID
    applies_to: Literal["nobody", "party", "everybody"]
    basis: Basis
    in_force_from: date


class RollOverView(View):
    """An authority's decision on last days that are days of rest."""

    id: UUID
    authority_id: UUID
    applies_to: Literal["nobody", "party", "everybody"]
    basis: str
    in_force_from: date


class GroundView(View):
    """On what a limit stands still, and by which rule; a review (复议) does so only where it stops the act's execution."""

    ground: Ground
    basis_zh: str
    basis_en: str
    to_be_confirmed: bool


class TimeLimitView(View):
    """A limit as the law has it on a date; `amount` null: the law gives no number, and `set_by` tells who does.

    A number that is set by the authority is presumed, and to be confirmed, until it sets its own.
    """

    code: str
    title_zh: str
    title_en: str
    starts_zh: str
    starts_en: str
    amount: int | None
    unit: Unit | None
    whose: Literal["authority", "party", "court", "police"]
    meaning: Literal["deadline", "earliest"]
    backwards: bool
    clear: bool
    extension: int | None
    suspended_by: list[GroundView]
    basis_zh: str
    basis_en: str
    in_force_from: date
    set_by: Literal["law", "authority", "document"]
    to_be_confirmed: bool
