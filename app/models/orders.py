"""Rectification orders: one document with a line for each hazard, signed by certified officers. Append-only."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identified, Timed


class RectificationOrder(Identified, Timed, Base):
    """A rectification order (责令限期整改指令书) to one enterprise at one site, by number. `region_id` is that of its hazards."""

    __tablename__ = "rectification_orders"
    __table_args__ = (
        UniqueConstraint("authority_id", "number"),
        Index("ix_rectification_orders_region_id_id", "region_id", "id"),
    )

    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"))
    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), index=True)
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    number: Mapped[str]
    issued_on: Mapped[date]
    issued_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


class OrderLine(Timed, Base):
    """One hazard of an order: what is required, the period as it was ordered, and the day it ends, if known.

    A line of a later order replaces it. What extends the period since is the ledger's of the hazard's clock.
    """

    __tablename__ = "rectification_order_lines"
    __table_args__ = (
        CheckConstraint("day_kind IN ('working', 'calendar')", name="day_kind"),
        UniqueConstraint("order_id", "position"),
    )

    order_id: Mapped[UUID] = mapped_column(ForeignKey("rectification_orders.id"), primary_key=True)
    hazard_id: Mapped[UUID] = mapped_column(ForeignKey("hazards.id"), primary_key=True, index=True)
    position: Mapped[int]
    days: Mapped[int]
    day_kind: Mapped[str]
    due_on: Mapped[date | None]
    requirement: Mapped[str]


class OrderOfficer(Timed, Base):
    """An officer who signed an order, with the certificate that was valid on the day. Orders of one hazard of before have none."""

    __tablename__ = "rectification_order_officers"

    order_id: Mapped[UUID] = mapped_column(ForeignKey("rectification_orders.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    name: Mapped[str]
    certificate_number: Mapped[str]
