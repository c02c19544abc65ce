"""The working calendar as it was imported, the clocks that run by it, and the ledger of what happened to each."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identified, Timed, Versioned


class CalendarNotice(Identified, Timed, Base):
    """A year's holidays and make-up workdays as one notice gives them. Append-only: a later notice of the year replaces it."""

    __tablename__ = "calendar_notices"
    __table_args__ = (UniqueConstraint("year", "number"),)

    year: Mapped[int]
    number: Mapped[int]
    holidays: Mapped[list[date]] = mapped_column(ARRAY(Date))
    make_up_workdays: Mapped[list[date]] = mapped_column(ARRAY(Date))
    title: Mapped[str]
    document_number: Mapped[str | None]
    issued_on: Mapped[date | None]
    source: Mapped[str]
    sha256: Mapped[str]
    imported_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


class NoticeProjection(Base):
    """How far the clocks that a notice may move are projected anew by it: up to `after_id`, all of them once `finished_at` is set.

    A later notice of the year, which takes its place, finishes it too. `moved`: how many ended otherwise.
    """

    __tablename__ = "notice_projections"

    notice_id: Mapped[UUID] = mapped_column(ForeignKey("calendar_notices.id"), primary_key=True)
    after_id: Mapped[UUID | None]
    moved: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[datetime | None]


class Clock(Identified, Timed, Versioned, Base):
    """A legal period that runs or ran. The period is as it was on the day it began; `due_on`, `due_at` and `unknown` are what its
    ledger and the calendar make of it (app/rules/clocks.py), written only beside a ledger row.

    `amount` None: no number is set. `meaning` earliest: what it allows must not happen before its end. `brigade_id`: the unit of
    the one who answers for it, while it runs.
    """

    __tablename__ = "clocks"
    __table_args__ = (
        CheckConstraint("unit IN ('working_day', 'calendar_day', 'hour', 'month', 'year')", name="unit"),
        CheckConstraint("meaning IN ('deadline', 'earliest')", name="meaning"),
        CheckConstraint("(due_on IS NULL) = (unknown IS NOT NULL)", name="known_or_not"),
        Index(
            "uq_clocks_running", "subject_id", "code", unique=True, postgresql_where=text("ended_on IS NULL")
        ),
        Index("ix_clocks_subject_id", "subject_id"),
        Index(
            "ix_clocks_running_due", "region_id", "due_on", "id", postgresql_where=text("ended_on IS NULL")
        ),
        Index(
            "ix_clocks_running_responsible",
            "responsible_id",
            "due_on",
            "id",
            postgresql_where=text("ended_on IS NULL"),
        ),
        Index(
            "ix_clocks_running_brigade",
            "brigade_id",
            "due_on",
            "id",
            postgresql_where=text("ended_on IS NULL"),
        ),
        Index(
            "ix_clocks_running_unknown",
            "missing_year",
            postgresql_where=text("ended_on IS NULL AND missing_year IS NOT NULL"),
        ),
    )

    code: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"))
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    brigade_id: Mapped[UUID | None] = mapped_column(ForeignKey("brigades.id"))
    responsible_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    started_at: Mapped[datetime]
    amount: Mapped[int | None]
    extended_by: Mapped[int] = mapped_column(default=0)
    unit: Mapped[str]
    rolls_over: Mapped[bool]
    backwards: Mapped[bool]
    clear: Mapped[bool]
    meaning: Mapped[str]
    basis: Mapped[str]
    to_be_confirmed: Mapped[bool]
    due_on: Mapped[date | None]
    due_at: Mapped[datetime | None]
    unknown: Mapped[str | None]
    missing_year: Mapped[int | None]
    ended_on: Mapped[date | None]


class ClockEvent(Identified, Timed, Base):
    """One row of a clock's ledger: what happened, on which day, why, by whom, and what it did to the end. Append-only.

    `responsible_id`: who answers for the clock from then on, of a start, a reopening or a hand-over; None: nobody is named.
    `position`: a ledger is read in this order, not in that of ids, which the time of the machine makes.
    """

    __tablename__ = "clock_events"
    __table_args__ = (
        CheckConstraint(
            "action IN ('start', 'suspend', 'resume', 'extend', 'end', 'reopen', 'reproject', 'hand_over')",
            name="action",
        ),
    )

    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    clock_id: Mapped[UUID] = mapped_column(ForeignKey("clocks.id"), index=True)
    action: Mapped[str]
    on_date: Mapped[date]
    ground: Mapped[str | None]
    reason: Mapped[str | None]
    amount: Mapped[int | None]
    notice_id: Mapped[UUID | None] = mapped_column(ForeignKey("calendar_notices.id"))
    due_before: Mapped[date | None]
    due_after: Mapped[date | None]
    responsible_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


class ClockReminder(Timed, Base):
    """That a clock's end was near, there, or past: raised once for each end it had."""

    __tablename__ = "clock_reminders"
    __table_args__ = (
        CheckConstraint("kind IN ('before', 'due', 'overdue')", name="kind"),
        Index("ix_clock_reminders_created_at", "created_at"),
    )

    clock_id: Mapped[UUID] = mapped_column(ForeignKey("clocks.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    due_on: Mapped[date] = mapped_column(primary_key=True)


class AuthorityLimit(Identified, Timed, Base):
    """A number an authority set for a limit the law leaves open, with its source; the newest in force holds."""

    __tablename__ = "authority_limits"
    __table_args__ = (UniqueConstraint("authority_id", "code", "in_force_from"),)

    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"))
    code: Mapped[str]
    amount: Mapped[int]
    unit: Mapped[str]
    basis: Mapped[str]
    in_force_from: Mapped[date]
    set_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


class RollOverRule(Identified, Timed, Base):
    """Whose periods roll over a last day that is a day of rest, where the law is silent: an authority's dated decision."""

    __tablename__ = "roll_over_rules"
    __table_args__ = (
        CheckConstraint("applies_to IN ('nobody', 'party', 'everybody')", name="applies_to"),
        UniqueConstraint("authority_id", "in_force_from"),
    )

    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"))
    applies_to: Mapped[str]
    basis: Mapped[str]
    in_force_from: Mapped[date]
    set_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
