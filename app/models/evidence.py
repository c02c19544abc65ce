"""Evidence: what packages declare, and the originals that arrived. Originals are never altered (a trigger refuses it)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import utc_now
from app.db.base import Base


class EvidenceManifest(Base):
    """The manifest of one package has been taken in; from then on an undeclared file is refused.

    `missing` counts its declarations in that status. Who changes one of them locks this row first and counts in the same
    statement, so that exactly one transaction sees the last file come.
    """

    __tablename__ = "evidence_manifests"

    package_id: Mapped[UUID] = mapped_column(primary_key=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"), index=True)
    device_id: Mapped[UUID] = mapped_column(ForeignKey("devices.id"), index=True)
    missing: Mapped[int]
    declared_at: Mapped[datetime] = mapped_column(default=utc_now)


class EvidenceDeclaration(Base):
    """One row of a package's manifest. `status`: missing, verified (stored), withdrawn (lost, by a signed statement)."""

    __tablename__ = "evidence_declarations"
    __table_args__ = (
        CheckConstraint("status IN ('missing', 'verified', 'withdrawn')", name="status"),
        Index("ix_evidence_declarations_missing", "package_id", postgresql_where=text("status = 'missing'")),
    )

    package_id: Mapped[UUID] = mapped_column(ForeignKey("evidence_manifests.package_id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"), index=True)
    device_id: Mapped[UUID] = mapped_column(ForeignKey("devices.id"), index=True)
    sha256: Mapped[str]
    size: Mapped[int]
    media_type: Mapped[str]
    question: Mapped[str | None]
    source: Mapped[str]
    name: Mapped[str | None]
    captured_at: Mapped[datetime | None]
    monotonic_ms: Mapped[int | None]
    position: Mapped[dict[str, Any] | None]
    status: Mapped[str] = mapped_column(default="missing")
    withdrawal: Mapped[dict[str, Any] | None]
    declared_at: Mapped[datetime] = mapped_column(default=utc_now)


class EvidenceFile(Base):
    """An original that arrived, by the id the phone gave it. Unclaimed, and of no region, until its package declares it.

    `flags`: damaged, mislabelled, bomb, unsupported; facts of the file's own metadata in `metadata_facts`.
    """

    __tablename__ = "evidence_files"
    __table_args__ = (
        Index(
            "ix_evidence_files_unclaimed", "device_id", "received_at", postgresql_where=text("NOT is_claimed")
        ),
        Index("ix_evidence_files_unexamined", "received_at", postgresql_where=text("examined_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    package_id: Mapped[UUID] = mapped_column(index=True)
    device_id: Mapped[UUID | None] = mapped_column(ForeignKey("devices.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    region_id: Mapped[UUID | None] = mapped_column(ForeignKey("regions.id"), index=True)
    is_claimed: Mapped[bool] = mapped_column(default=False)
    sha256: Mapped[str] = mapped_column(index=True)
    size: Mapped[int]
    media_type: Mapped[str]
    storage_key: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(default=utc_now)
    examined_at: Mapped[datetime | None]
    detected_type: Mapped[str | None]
    flags: Mapped[list[str]]
    metadata_facts: Mapped[dict[str, Any] | None]
    derivatives: Mapped[dict[str, Any] | None]
