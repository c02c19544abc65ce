"""What safety assistants do: patrols with what they saw, and whistles with what became of them."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identified, Timed, Versioned


class Patrol(Timed, Base):
    """One patrol record, by its sealed package. `points` are as the assistant gave them; `is_superseded` once corrected."""

    __tablename__ = "patrols"
    __table_args__ = (
        Index("ix_patrols_region_id_id", "region_id", "id"),
        Index("ix_patrols_user_id_id", "user_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(ForeignKey("packages.id"), primary_key=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"), index=True)
    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"))
    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), index=True)
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    patrolled_on: Mapped[date]
    note: Mapped[str | None]
    points: Mapped[list[Any]]
    abnormal_points: Mapped[int]
    evidence_ids: Mapped[list[UUID]]
    supersedes_id: Mapped[UUID | None] = mapped_column(ForeignKey("patrols.id"), index=True)
    is_superseded: Mapped[bool] = mapped_column(default=False)


class Whistle(Timed, Versioned, Base):
    """An assistant's call for the officers, by its sealed package.

    `status`: raised → acknowledged → handled, or dismissed with a reason. `handling_visit_id` is the officers' visit that
    followed, when there was one. A corrected whistle is superseded and takes no further step.
    """

    __tablename__ = "whistles"
    __table_args__ = (
        CheckConstraint("status IN ('raised', 'acknowledged', 'handled', 'dismissed')", name="status"),
        CheckConstraint("urgency IN ('normal', 'urgent', 'immediate')", name="urgency"),
        Index("ix_whistles_region_id_id", "region_id", "id"),
        Index("ix_whistles_user_id_id", "user_id", "id"),
        Index(
            "ix_whistles_open",
            "region_id",
            "id",
            postgresql_where=text("status IN ('raised', 'acknowledged') AND NOT is_superseded"),
        ),
    )

    id: Mapped[UUID] = mapped_column(ForeignKey("packages.id"), primary_key=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"), index=True)
    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"))
    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), index=True)
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    raised_on: Mapped[date]
    what: Mapped[str]
    urgency: Mapped[str]
    evidence_ids: Mapped[list[UUID]]
    status: Mapped[str] = mapped_column(default="raised")
    handling_visit_id: Mapped[UUID | None] = mapped_column(ForeignKey("visits.id"))
    supersedes_id: Mapped[UUID | None] = mapped_column(ForeignKey("whistles.id"), index=True)
    is_superseded: Mapped[bool] = mapped_column(default=False)


class WhistleStep(Identified, Timed, Base):
    """One step of a whistle: from which state to which, by whom, with what reason."""

    __tablename__ = "whistle_steps"

    whistle_id: Mapped[UUID] = mapped_column(ForeignKey("whistles.id"), index=True)
    action: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey("visits.id"))
    note: Mapped[str | None]
