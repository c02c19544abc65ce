"""Assignments, visits, sealed packages with their signatures, findings, receipts.

A package is raw bytes first (`package_intakes`, committed before anything is understood) and a record second (`packages`).
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import utc_now
from app.db.base import Base, Identified, Timed, Versioned


class Assignment(Identified, Timed, Versioned, Base):
    """A team is to visit a site within a period. It grants the team that site for its period, whatever their regions."""

    __tablename__ = "assignments"
    __table_args__ = (
        CheckConstraint("status IN ('assigned', 'visited', 'cancelled')", name="status"),
        CheckConstraint("kind IN ('inspection', 'reinspection')", name="kind"),
        CheckConstraint("planned_until >= planned_from", name="period"),
        Index("ix_assignments_region_id_id", "region_id", "id"),
    )

    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"), index=True)
    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), index=True)
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    kind: Mapped[str]
    status: Mapped[str] = mapped_column(default="assigned")
    planned_from: Mapped[date]
    planned_until: Mapped[date]
    template_version_ids: Mapped[list[UUID]]
    hazard_ids: Mapped[list[UUID]]
    note: Mapped[str | None]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


class AssignmentMember(Base):
    """One officer of an assignment's team."""

    __tablename__ = "assignment_members"

    assignment_id: Mapped[UUID] = mapped_column(ForeignKey("assignments.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)


class Visit(Identified, Timed, Versioned, Base):
    """One visit to a site on one legal date, whatever the number of packages. Its id comes from the phone.

    Of an assistant's kinds, `patrol` is a visit; `whistle` is where only a whistle came from there.
    """

    __tablename__ = "visits"
    __table_args__ = (
        CheckConstraint("kind IN ('inspection', 'reinspection', 'patrol', 'whistle')", name="kind"),
        Index("ix_visits_region_id_id", "region_id", "id"),
        Index("ix_visits_region_id_visited_on", "region_id", "visited_on"),
    )

    assignment_id: Mapped[UUID | None] = mapped_column(ForeignKey("assignments.id"), index=True)
    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"), index=True)
    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), index=True)
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    kind: Mapped[str]
    visited_on: Mapped[date]


class PackageIntake(Base):
    """The bytes of a sealed package as they arrived: committed first, never changed, processed afterwards.

    `status`: received → processed, or quarantined (kept for a person, with `reason`); a person releases it (received again) or
    rejects it, for ever. `origin`: the ordinary door, or released from the intake of revoked phones.
    """

    __tablename__ = "package_intakes"
    __table_args__ = (
        CheckConstraint("status IN ('received', 'processed', 'quarantined', 'rejected')", name="status"),
        CheckConstraint("origin IN ('door', 'intake')", name="origin"),
        Index("ix_package_intakes_unprocessed", "received_at", postgresql_where=text("status = 'received'")),
        Index("ix_package_intakes_quarantined", "device_id", postgresql_where=text("status = 'quarantined'")),
        Index(
            "ix_package_intakes_decided",
            "received_at",
            "package_id",
            postgresql_where=text("decided_at IS NOT NULL"),
        ),
    )

    package_id: Mapped[UUID] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    sealed: Mapped[bytes]
    signature: Mapped[str]
    key_id: Mapped[str]
    device_id: Mapped[UUID] = mapped_column(ForeignKey("devices.id"), index=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    received_at: Mapped[datetime] = mapped_column(default=utc_now)
    status: Mapped[str] = mapped_column(default="received")
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    swept_at: Mapped[datetime | None]
    origin: Mapped[str] = mapped_column(default="door", server_default="door")
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decision_reason: Mapped[str | None]


class PackageConflict(Identified, Timed, Base):
    """Other bytes that arrived under a package id already taken: kept for a person to judge."""

    __tablename__ = "package_conflicts"
    __table_args__ = (UniqueConstraint("package_id", "sha256"),)

    package_id: Mapped[UUID] = mapped_column(ForeignKey("package_intakes.package_id"))
    sha256: Mapped[str]
    sealed: Mapped[bytes]
    signature: Mapped[str]
    key_id: Mapped[str]
    device_id: Mapped[UUID] = mapped_column(ForeignKey("devices.id"), index=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


class Package(Versioned, Base):
    """What a sealed package says, once understood. `answers` is one JSONB; `issues` are flags for a person, never refusals.

    A patrol or a whistle has no officers and needs neither checklist nor party.

    A record and its corrections are one line (`root_id`: its first package), of which one stands. A correction that does not
    rest on the package standing then, or whose base is not the sender's, is a fork (`fork`: why), kept beside until a person
    chooses (`fork_status`).
    """

    __tablename__ = "packages"
    __table_args__ = (
        CheckConstraint(
            "kind NOT IN ('inspection', 'reinspection') OR (template_version_id IS NOT NULL AND party IS NOT NULL)",
            name="enforcement",
        ),
        CheckConstraint("kind IN ('inspection', 'reinspection', 'patrol', 'whistle')", name="kind"),
        CheckConstraint("fork IN ('base_superseded', 'base_differs', 'base_of_others')", name="fork"),
        CheckConstraint("fork_status IN ('open', 'chosen', 'set_aside')", name="fork_status"),
        CheckConstraint("(fork IS NULL) = (fork_status IS NULL)", name="forked"),
        Index("ix_packages_region_id_id", "region_id", "id"),
        Index("ix_packages_root_id", "root_id"),
        Index("uq_packages_standing", "root_id", unique=True, postgresql_where=text("is_standing")),
        Index("ix_packages_open_forks", "region_id", "id", postgresql_where=text("fork_status = 'open'")),
    )

    id: Mapped[UUID] = mapped_column(ForeignKey("package_intakes.package_id"), primary_key=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    sha256: Mapped[str]
    schema: Mapped[str]
    kind: Mapped[str]
    risk_unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("risk_units.id"))
    supersedes_id: Mapped[UUID | None] = mapped_column(ForeignKey("packages.id"), index=True)
    supersedes_reason: Mapped[str | None]
    root_id: Mapped[UUID]
    is_standing: Mapped[bool]
    fork: Mapped[str | None]
    fork_status: Mapped[str | None]
    template_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("template_versions.id"), index=True)
    device_id: Mapped[UUID] = mapped_column(ForeignKey("devices.id"), index=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    officer_ids: Mapped[list[UUID]]
    answers: Mapped[dict[str, Any]]
    party: Mapped[dict[str, Any] | None]
    times: Mapped[dict[str, Any]]
    position: Mapped[dict[str, Any] | None]
    issues: Mapped[list[Any]]
    is_signable: Mapped[bool]
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime] = mapped_column(default=utc_now)


class RevisionVerdict(Identified, Timed, Base):
    """What a person decided about a fork, and why; `replaced_id`: the package that stood until then. Written once."""

    __tablename__ = "revision_verdicts"
    __table_args__ = (CheckConstraint("decision IN ('chosen', 'set_aside')", name="decision"),)

    package_id: Mapped[UUID] = mapped_column(ForeignKey("packages.id"), unique=True)
    replaced_id: Mapped[UUID | None] = mapped_column(ForeignKey("packages.id"))
    decision: Mapped[str]
    reason: Mapped[str]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


class ConflictVerdict(Timed, Base):
    """What a person decided about other bytes under one id, and why. Both are kept whatever he decides. Written once."""

    __tablename__ = "conflict_verdicts"
    __table_args__ = (
        CheckConstraint("decision IN ('first_is_right', 'other_is_right', 'both_stay')", name="decision"),
    )

    conflict_id: Mapped[UUID] = mapped_column(ForeignKey("package_conflicts.id"), primary_key=True)
    decision: Mapped[str]
    reason: Mapped[str]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


class PackageSignature(Timed, Base):
    """An officer's signature over a package's hash, made with a phone of his own."""

    __tablename__ = "package_signatures"

    package_id: Mapped[UUID] = mapped_column(ForeignKey("packages.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    device_id: Mapped[UUID] = mapped_column(ForeignKey("devices.id"))
    signature: Mapped[str]
    key_id: Mapped[str]
    text_hash: Mapped[str]


class Finding(Identified, Timed, Base):
    """One non-conformity found on a visit: a question answered so that it fails."""

    __tablename__ = "findings"
    __table_args__ = (
        UniqueConstraint("package_id", "key"),
        Index("ix_findings_region_id_id", "region_id", "id"),
    )

    package_id: Mapped[UUID] = mapped_column(ForeignKey("packages.id"))
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    key: Mapped[str]
    item_code: Mapped[str]
    subject: Mapped[str | None]
    severity: Mapped[str]
    description: Mapped[str]
    evidence_ids: Mapped[list[UUID]]


class Receipt(Timed, Base):
    """The signed statement that every declared byte of a package is stored; its bytes are given out unchanged.

    `number` counts the receipts of one phone.
    """

    __tablename__ = "receipts"
    __table_args__ = (UniqueConstraint("device_id", "number"),)

    package_id: Mapped[UUID] = mapped_column(ForeignKey("packages.id"), primary_key=True)
    device_id: Mapped[UUID] = mapped_column(ForeignKey("devices.id"))
    number: Mapped[int]
    body: Mapped[bytes]
    sha256: Mapped[str] = mapped_column(unique=True)


class ReceiptChain(Base):
    """The head of a phone's chain of receipts: the newest one's number and hash. Its row is the lock on the chain."""

    __tablename__ = "receipt_chains"

    device_id: Mapped[UUID] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    number: Mapped[int]
    sha256: Mapped[str | None]
