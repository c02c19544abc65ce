"""Campaigns (专项行动), and which assignments belong to them. Who put an assignment in or took it out is in the audit log."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identified, Timed, Versioned


class Campaign(Identified, Timed, Versioned, Base):
    """What an authority looks at in a region within a period, both days included. Its state is that of its period on the day."""

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint("ends_on >= starts_on", name="period"),
        Index("ix_campaigns_region_id_id", "region_id", "id"),
    )

    name_zh: Mapped[str]
    name_en: Mapped[str | None]
    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    purpose: Mapped[str]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


class CampaignAssignment(Timed, Base):
    """An assignment of a campaign: of one at most, which is its key."""

    __tablename__ = "campaign_assignments"

    assignment_id: Mapped[UUID] = mapped_column(ForeignKey("assignments.id"), primary_key=True)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"), index=True)
    added_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
