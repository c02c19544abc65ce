"""Evidence: what packages declare, the originals that arrived, and uploads under way. Originals are never altered (a trigger
refuses it)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    Integer,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import utc_now
from app.db.base import Base, Identified, Timed


class EvidenceManifest(Base):
    """The manifest of one package has been taken in; from then on an undeclared file is refused.

    `missing` counts its declarations in that status. Who changes one of them locks this row first and counts in the same
    statement, so that exactly one transaction sees the last file come.

    `is_complete` follows `missing` and stands in the indexes of what is incomplete in its place: counting down changes no
    indexed value until the last file, so the row is updated in its page (HOT) for every file before.
    """

    __tablename__ = "evidence_manifests"
    __table_args__ = (
        Index(
            "ix_evidence_manifests_incomplete",
            "declared_at",
            "package_id",
            postgresql_where=text("NOT is_complete"),
        ),
        Index(
            "ix_evidence_manifests_device_id_incomplete",
            "device_id",
            "declared_at",
            postgresql_where=text("NOT is_complete"),
        ),
    )

    package_id: Mapped[UUID] = mapped_column(primary_key=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"), index=True)
    device_id: Mapped[UUID] = mapped_column(ForeignKey("devices.id"), index=True)
    missing: Mapped[int]
    is_complete: Mapped[bool] = mapped_column(Computed("missing = 0", persisted=True))
    declared_at: Mapped[datetime] = mapped_column(default=utc_now)


class EvidenceDeclaration(Base):
    """One row of a package's manifest. `status`: missing, verified (stored), withdrawn (lost, by a signed statement)."""

    __tablename__ = "evidence_declarations"
    __table_args__ = (
        CheckConstraint("status IN ('missing', 'verified', 'withdrawn')", name="status"),
        Index("ix_evidence_declarations_region_id_id", "region_id", "id"),
        Index("ix_evidence_declarations_device_id_captured_at", "device_id", "captured_at", "id"),
        Index("ix_evidence_declarations_missing", "package_id", postgresql_where=text("status = 'missing'")),
    )

    package_id: Mapped[UUID] = mapped_column(ForeignKey("evidence_manifests.package_id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    device_id: Mapped[UUID] = mapped_column(ForeignKey("devices.id"))
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
    """An original that arrived, by the id its sender gave it. Unclaimed, and of no region, until its package declares it.

    From a phone it belongs to a package; from a desk (`device_id` None) to a package or a hazard, at once; from an enterprise's
    person (`invitation_id`) to a hazard. `flags` are those of
    enums/evidence.py. It is examined once; a lease keeps two workers from doing so at the same time. `perceptual_hashes`: of the
    picture upright, turned and mirrored (services/evidence/likeness.py), none when it could not be compared. `judged_at`
    None: its provenance waits to be judged, again perhaps.
    """

    __tablename__ = "evidence_files"
    __table_args__ = (
        CheckConstraint("package_id IS NOT NULL OR hazard_id IS NOT NULL", name="belongs"),
        CheckConstraint("(user_id IS NULL) <> (invitation_id IS NULL)", name="whose"),
        Index(
            "ix_evidence_files_unclaimed", "device_id", "received_at", postgresql_where=text("NOT is_claimed")
        ),
        Index("ix_evidence_files_sha256_received_at_id", "sha256", "received_at", "id"),
        Index("ix_evidence_files_desk", "region_id", "id", postgresql_where=text("device_id IS NULL")),
        Index("ix_evidence_files_unexamined", "received_at", postgresql_where=text("examined_at IS NULL")),
        Index(
            "ix_evidence_files_unjudged",
            "received_at",
            "id",
            postgresql_where=text("is_claimed AND examined_at IS NOT NULL AND judged_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    package_id: Mapped[UUID | None] = mapped_column(index=True)
    hazard_id: Mapped[UUID | None] = mapped_column(ForeignKey("hazards.id"), index=True)
    device_id: Mapped[UUID | None] = mapped_column(ForeignKey("devices.id"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    invitation_id: Mapped[UUID | None] = mapped_column(ForeignKey("site_invitations.id"))
    region_id: Mapped[UUID | None] = mapped_column(ForeignKey("regions.id"), index=True)
    is_claimed: Mapped[bool] = mapped_column(default=False)
    sha256: Mapped[str]
    size: Mapped[int]
    media_type: Mapped[str]
    name: Mapped[str | None]
    storage_key: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(default=utc_now)
    examined_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    detected_type: Mapped[str | None]
    flags: Mapped[list[str]]
    metadata_facts: Mapped[dict[str, Any] | None]
    perceptual_hashes: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    judged_at: Mapped[datetime | None]


class EvidenceDerivative(Base):
    """A reduced copy of an original: JPEG, upright, without metadata; `pixels` is the longest side asked for."""

    __tablename__ = "evidence_derivatives"

    evidence_id: Mapped[UUID] = mapped_column(
        ForeignKey("evidence_files.id", ondelete="CASCADE"), primary_key=True
    )
    pixels: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(index=True)
    storage_key: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(default=utc_now)


class EvidenceProvenance(Base):
    """How a photograph's provenance was judged, by which standards; and what a reviewer holds of it (EvidenceVerdict).

    `checks` and `score` leave duplicates out: those depend on who reads. `version` counts changes of either, and is the ETag.
    """

    __tablename__ = "evidence_provenance"
    __table_args__ = (
        CheckConstraint("verdict IN ('accepted', 'doubted', 'rejected')", name="verdict"),
        Index("ix_evidence_provenance_region_id_id", "region_id", "evidence_id"),
        Index(
            "ix_evidence_provenance_unreviewed",
            "region_id",
            "evidence_id",
            postgresql_where=text("verdict IS NULL AND (score > 0 OR has_duplicates)"),
        ),
        Index("ix_evidence_provenance_standards", "standards_version"),
    )

    evidence_id: Mapped[UUID] = mapped_column(
        ForeignKey("evidence_files.id", ondelete="CASCADE"), primary_key=True
    )
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    authority_id: Mapped[UUID | None] = mapped_column(ForeignKey("authorities.id"), index=True)
    version: Mapped[int] = mapped_column(default=1)
    checks: Mapped[list[Any]]
    score: Mapped[int]
    has_duplicates: Mapped[bool]
    standards_version: Mapped[int]
    first_judged_at: Mapped[datetime] = mapped_column(default=utc_now)
    changed_at: Mapped[datetime] = mapped_column(default=utc_now)
    verdict: Mapped[str | None]


class EvidenceReview(Identified, Timed, Base):
    """A reviewer's verdict on a photograph, with the reason; `on_version` is what was judged then. Rows stay; the newest counts."""

    __tablename__ = "evidence_reviews"
    __table_args__ = (
        CheckConstraint("verdict IN ('accepted', 'doubted', 'rejected')", name="verdict"),
        Index("ix_evidence_reviews_evidence_id_id", "evidence_id", "id"),
    )

    evidence_id: Mapped[UUID] = mapped_column(ForeignKey("evidence_provenance.evidence_id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    verdict: Mapped[str]
    reason: Mapped[str]
    on_version: Mapped[int]


class EvidenceDuplicate(Base):
    """An earlier photograph of the same authority with the same bytes, or that looks the same: shown to who may see both.

    `bits` of 64 differ between their hashes (0 for the same bytes); `turn` is of services/evidence/likeness.py.
    """

    __tablename__ = "evidence_duplicates"

    evidence_id: Mapped[UUID] = mapped_column(
        ForeignKey("evidence_provenance.evidence_id", ondelete="CASCADE"), primary_key=True
    )
    other_id: Mapped[UUID] = mapped_column(
        ForeignKey("evidence_provenance.evidence_id", ondelete="CASCADE"), primary_key=True, index=True
    )
    is_exact: Mapped[bool]
    is_same_visit: Mapped[bool]
    bits: Mapped[int]
    turn: Mapped[int]
    weight: Mapped[int]


class EvidenceLikeness(Base):
    """The index of perceptual hashes: `slot` is one band of 16 bits with its number in front; a photograph has one row a band."""

    __tablename__ = "evidence_likenesses"
    __table_args__ = (
        Index(
            "ix_evidence_likenesses_authority_id_slot",
            "authority_id",
            "slot",
            postgresql_include=["perceptual_hash", "evidence_id"],
        ),
    )

    evidence_id: Mapped[UUID] = mapped_column(
        ForeignKey("evidence_provenance.evidence_id", ondelete="CASCADE"), primary_key=True
    )
    slot: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"))
    perceptual_hash: Mapped[int]


class EvidenceRemoval(Base):
    """Content whose last row was swept away: to be removed from the storage unless another row refers to it by then."""

    __tablename__ = "evidence_removals"

    storage_key: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    decided_at: Mapped[datetime] = mapped_column(default=utc_now)


class EvidenceUpload(Base):
    """A resumable upload of one file. What `received` counts is durable; the bytes after it must be sent (again).

    An open upload has never received everything: the last bytes count together with the file they complete, so whoever reads
    `received = size` knows that the file is stored. `lease` is the request that appends at present; another may take over when
    `leased_until` has passed, and what the former appends from then on counts no more. `status` is what became of the file.
    """

    __tablename__ = "evidence_uploads"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'complete')", name="state"),
        CheckConstraint(
            "received >= 0 AND (received < size AND state = 'open' OR received = size AND state = 'complete')",
            name="received",
        ),
        UniqueConstraint("device_id", "evidence_id", "package_id", "sha256"),
        Index("ix_evidence_uploads_open", "user_id", "device_id", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    evidence_id: Mapped[UUID]
    package_id: Mapped[UUID]
    device_id: Mapped[UUID] = mapped_column(ForeignKey("devices.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    sha256: Mapped[str]
    size: Mapped[int]
    media_type: Mapped[str]
    announced: Mapped[str | None]
    received: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(default="open")
    status: Mapped[str | None]
    lease: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class EvidenceUploadPart(Base):
    """Some bytes of an upload, durable under `storage_key`; its parts follow one another without a gap."""

    __tablename__ = "evidence_upload_parts"

    upload_id: Mapped[UUID] = mapped_column(
        ForeignKey("evidence_uploads.id", ondelete="CASCADE"), primary_key=True
    )
    start: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[int]
    storage_key: Mapped[str] = mapped_column(unique=True)
