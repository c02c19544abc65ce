"""On-site measures: what they cover, who ordered them, every step they took."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identified, Timed, Versioned


class OnsiteMeasure(Identified, Timed, Versioned, Base):
    """An on-site measure (现场处理措施) at one site. Its states are those of services/hazards/measure_workflow.py.

    `ordered_at`: when it was ordered, orally or by the decision itself; `number` and `decided_on` come with the written decision.
    How long it may last and until when it must be written are its clocks'.
    """

    __tablename__ = "onsite_measures"
    __table_args__ = (
        CheckConstraint("(number IS NULL) = (decided_on IS NULL)", name="decision"),
        UniqueConstraint("authority_id", "number"),
        Index("ix_onsite_measures_region_id_id", "region_id", "id"),
    )

    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"))
    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), index=True)
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    kinds: Mapped[list[str]]
    place: Mapped[str]
    ground: Mapped[str]
    is_oral_first: Mapped[bool]
    ordered_at: Mapped[datetime]
    number: Mapped[str | None]
    decided_on: Mapped[date | None]
    status: Mapped[str]


class MeasureHazard(Timed, Base):
    """A hazard that an on-site measure covers."""

    __tablename__ = "onsite_measure_hazards"

    measure_id: Mapped[UUID] = mapped_column(ForeignKey("onsite_measures.id"), primary_key=True)
    hazard_id: Mapped[UUID] = mapped_column(ForeignKey("hazards.id"), primary_key=True, index=True)


class MeasureOfficer(Timed, Base):
    """An officer who ordered an on-site measure, with the certificate that was valid on the day."""

    __tablename__ = "onsite_measure_officers"

    measure_id: Mapped[UUID] = mapped_column(ForeignKey("onsite_measures.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    name: Mapped[str]
    certificate_number: Mapped[str]


class MeasureStep(Identified, Timed, Base):
    """One step of an on-site measure: from which state to which, by whom, with what reason and evidence. Append-only."""

    __tablename__ = "onsite_measure_steps"

    measure_id: Mapped[UUID] = mapped_column(ForeignKey("onsite_measures.id"), index=True)
    action: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    on_date: Mapped[date]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    visit_id: Mapped[UUID | None]
    ground: Mapped[str | None]
    note: Mapped[str | None]
    evidence_ids: Mapped[list[UUID]]
