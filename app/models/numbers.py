"""Numbers of documents that are printed on site: blocks reserved for a phone, and what packages say they have used."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identified, Timed, Versioned


class NumberBlock(Identified, Timed, Versioned, Base):
    """Numbers `first` to `last` of an authority's series, for one phone; never given to anybody else, used or not.

    `word` is the document's (责改), `series_word` the whole before the year (安应急责改). A trigger keeps all but the voiding.
    """

    __tablename__ = "number_blocks"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'voided')", name="status"),
        CheckConstraint("first >= 1 AND last >= first", name="numbers"),
        CheckConstraint("(status = 'voided') = (void_reason IS NOT NULL)", name="voided"),
        UniqueConstraint("authority_id", "series_word", "year", "first"),
        Index("ix_number_blocks_region_id_id", "region_id", "id"),
        Index("ix_number_blocks_device_id_id", "device_id", "id"),
    )

    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"))
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    device_id: Mapped[UUID] = mapped_column(ForeignKey("devices.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    word: Mapped[str]
    series_word: Mapped[str]
    year: Mapped[int]
    first: Mapped[int]
    last: Mapped[int]
    expires_on: Mapped[date]
    status: Mapped[str] = mapped_column(default="open")
    voided_at: Mapped[datetime | None]
    voided_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    void_reason: Mapped[str | None]


class NumberUse(Identified, Timed, Base):
    """A package says that a document with this number was printed, or spoiled, on site. Written once, whatever is odd about it.

    `is_first`: nobody had used the number before; that is true of one use at most. `issues` are stable codes (NumberIssue).
    """

    __tablename__ = "number_uses"
    __table_args__ = (
        UniqueConstraint("package_id", "authority_id", "series_word", "year", "number"),
        Index(
            "uq_number_uses_first", "authority_id", "series_word", "year", "number",
            unique=True, postgresql_where=text("is_first"),
        ),
        Index("ix_number_uses_region_id_id", "region_id", "id"),
    )  # fmt: skip

    package_id: Mapped[UUID] = mapped_column(ForeignKey("packages.id"))
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"), index=True)
    block_id: Mapped[UUID | None] = mapped_column(ForeignKey("number_blocks.id"), index=True)
    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"))
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    word: Mapped[str]
    series_word: Mapped[str]
    year: Mapped[int]
    number: Mapped[int]
    printed_hash: Mapped[str | None]
    printed_at: Mapped[datetime | None]
    spoiled_reason: Mapped[str | None]
    evidence_id: Mapped[UUID | None]
    issues: Mapped[list[str]]
    is_first: Mapped[bool]
