"""Where and by whom: regions, authorities, their dated jurisdiction and entrustment, brigades, number series."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identified, Timed, Versioned


class Region(Identified, Timed, Versioned, Base):
    """A city, district or town. `path` is /city/district/town/ by code, so a prefix is a subtree."""

    __tablename__ = "regions"
    __table_args__ = (
        CheckConstraint("level IN ('city', 'district', 'town')", name="level"),
        Index("ix_regions_path", "path", postgresql_ops={"path": "text_pattern_ops"}),
    )

    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    name_en: Mapped[str | None]
    level: Mapped[str]
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("regions.id"), index=True)
    path: Mapped[str] = mapped_column(unique=True)
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]


class Authority(Identified, Timed, Versioned, Base):
    """An organ that decides in its own name, or, once it has entrustments, in the name of the one that entrusted it."""

    __tablename__ = "authorities"

    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    document_word: Mapped[str]
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"), index=True)
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]


class Jurisdiction(Identified, Timed, Base):
    """An authority covers a region (and what lies below it) for a period; not the same as the administrative tree."""

    __tablename__ = "jurisdictions"
    __table_args__ = (UniqueConstraint("authority_id", "region_id", "valid_from"),)

    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"))
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"), index=True)
    basis: Mapped[str | None]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]


class Entrustment(Identified, Timed, Base):
    """An authority acts in the name of another for a period (first and last day included), by a written basis."""

    __tablename__ = "entrustments"
    __table_args__ = (UniqueConstraint("authority_id", "valid_from"),)

    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"))
    entrusted_by: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"), index=True)
    basis: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]


class Brigade(Identified, Timed, Versioned, Base):
    """A brigade of an authority, or a squad of a brigade. Never deleted: people served in it."""

    __tablename__ = "brigades"
    __table_args__ = (UniqueConstraint("authority_id", "name"),)

    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"))
    name: Mapped[str]
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("brigades.id"), index=True)
    is_active: Mapped[bool] = mapped_column(default=True)


class NumberSeries(Base):
    """The last number given of an authority's word and year; taken in the transaction that uses it, so without gaps."""

    __tablename__ = "number_series"

    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"), primary_key=True)
    word: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]
