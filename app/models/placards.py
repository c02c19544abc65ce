"""Placard warnings and supervised listings of hazards, their plans, progress and steps."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identified, Timed, Versioned


class Placard(Identified, Timed, Versioned, Base):
    """A warning or a supervised listing of one hazard. Its states are those of services/hazards/placard_workflow.py.

    `days` is the period as it was proposed; number, day and last day come with the decision. `authority_id` is the hazard's until
    then, and from then on the one that decided; what was decided before 26 November 2026 kept the
    hazard's. `public_token`: whoever has it may read what is published of it.
    """

    __tablename__ = "placards"
    __table_args__ = (
        CheckConstraint(
            "status IN ('proposed', 'in_force', 'refused', 'removed', 'withdrawn')", name="status"
        ),
        CheckConstraint("(number IS NULL) = (decided_on IS NULL)", name="decision"),
        UniqueConstraint("authority_id", "number"),
        UniqueConstraint("public_token"),
        Index("ix_placards_region_id_id", "region_id", "id"),
        Index(
            "uq_placards_standing",
            "hazard_id",
            "kind",
            unique=True,
            postgresql_where=text("status IN ('proposed', 'in_force')"),
        ),
    )

    hazard_id: Mapped[UUID] = mapped_column(ForeignKey("hazards.id"))
    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"))
    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), index=True)
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"))
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    kind: Mapped[str]
    status: Mapped[str]
    days: Mapped[int]
    requirement: Mapped[str]
    text_zh: Mapped[str]
    text_en: Mapped[str]
    contact_id: Mapped[UUID] = mapped_column(ForeignKey("enterprise_contacts.id"))
    supervisor_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    public_token: Mapped[str]
    number: Mapped[str | None]
    decided_on: Mapped[date | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    due_on: Mapped[date | None]


class PlacardStep(Identified, Timed, Base):
    """One step of a placard: from which state to which, by whom, on what ground. Append-only.

    `supervisor_id`: who watches the placard once it is taken; None: from before that was written down.
    """

    __tablename__ = "placard_steps"

    placard_id: Mapped[UUID] = mapped_column(ForeignKey("placards.id"), index=True)
    action: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    on_date: Mapped[date]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str | None]
    supervisor_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


class PlacardPlan(Identified, Timed, Base):
    """A plan for removing a listed hazard: responsible person, measures, funds, last day, emergency plan. The newest holds."""

    __tablename__ = "placard_plans"

    placard_id: Mapped[UUID] = mapped_column(ForeignKey("placards.id"), index=True)
    contact_id: Mapped[UUID] = mapped_column(ForeignKey("enterprise_contacts.id"))
    measures: Mapped[str]
    funds_fen: Mapped[int]
    due_on: Mapped[date]
    contingency: Mapped[str]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


class PlacardProgress(Identified, Timed, Base):
    """What was done about a listed hazard in a month (its first day). Append-only."""

    __tablename__ = "placard_progress"
    __table_args__ = (UniqueConstraint("placard_id", "month"),)

    placard_id: Mapped[UUID] = mapped_column(ForeignKey("placards.id"))
    month: Mapped[date]
    text: Mapped[str]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


class PlacardProgressCorrection(Identified, Timed, Base):
    """What a month's entry should have said, and why; the newest holds. Append-only: entry and corrections stay."""

    __tablename__ = "placard_progress_corrections"

    progress_id: Mapped[UUID] = mapped_column(ForeignKey("placard_progress.id"), index=True)
    text: Mapped[str]
    reason: Mapped[str]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
