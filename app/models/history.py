"""What happened: the audit log, its seals, and the change log that phones and partners read."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import utc_now
from app.db.base import Base


class AuditEntry(Base):
    """One mutating act, or one look at an original or an unmasked value. Append-only (a trigger refuses the rest).

    `before_hash`/`after_hash`: sha-256 of the canonical JSON (RFC 8785) of the object's state. No personal data.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_kind_object_id", "kind", "object_id"),
        Index("ix_audit_entries_region_id_id", "region_id", "id"),
        Index("ix_audit_entries_user_id_id", "user_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)
    action: Mapped[str]
    kind: Mapped[str]
    object_id: Mapped[UUID]
    region_id: Mapped[UUID | None]
    actor_kind: Mapped[str]
    user_id: Mapped[UUID | None]
    client_id: Mapped[UUID | None]
    session_id: Mapped[UUID | None]
    device_id: Mapped[UUID | None]
    request_id: Mapped[str | None]
    before_hash: Mapped[str | None]
    after_hash: Mapped[str | None]
    detail: Mapped[dict[str, Any] | None]


class AuditSeal(Base):
    """One sealed batch of audit entries: which ones, in which order, and the hash that chains it to the seal before."""

    __tablename__ = "audit_seals"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry_ids: Mapped[list[Any]]
    entry_hashes: Mapped[list[str]]
    previous_hash: Mapped[str]
    seal_hash: Mapped[str]
    sealed_at: Mapped[datetime] = mapped_column(default=utc_now)
    signature: Mapped[str]
    key_id: Mapped[str]


class SealedEntry(Base):
    """Which seal holds which audit entry."""

    __tablename__ = "sealed_entries"

    entry_id: Mapped[int] = mapped_column(
        ForeignKey("audit_entries.id"), primary_key=True, autoincrement=False
    )
    seal_number: Mapped[int] = mapped_column(ForeignKey("audit_seals.number"), index=True)


class UnsealedEntry(Base):
    """An audit entry that waits for its seal; put here by a trigger in the entry's own transaction, removed by the sealing job."""

    __tablename__ = "unsealed_entries"

    entry_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class ChangeFeed(Base):
    """The one row behind the change feed: the last position given, and the epoch that cursors carry.

    `server` tells on which database the positions were given (see keep_epoch): a restored one is another, and gets a new epoch.
    """

    __tablename__ = "change_feed"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1, autoincrement=False)
    epoch: Mapped[UUID] = mapped_column(default=uuid4)
    last_position: Mapped[int] = mapped_column(default=0)
    server: Mapped[str | None]


class Change(Base):
    """Something became different: a pointer without payload. `position` is given after commit, by the relay alone."""

    __tablename__ = "changes"
    __table_args__ = (
        Index("ix_changes_unpositioned", "id", postgresql_where=text("position IS NULL")),
        Index("ix_changes_region_id_position", "region_id", "position"),
        Index("ix_changes_kind_position", "kind", "position"),
        Index(
            "ix_changes_previous_region_id_position",
            "previous_region_id",
            "position",
            postgresql_where=text("previous_region_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    position: Mapped[int | None] = mapped_column(unique=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)
    kind: Mapped[str]
    object_id: Mapped[UUID]
    version: Mapped[int]
    region_id: Mapped[UUID | None]
    previous_region_id: Mapped[UUID | None]


class IdempotentAnswer(Base):
    """The stored answer to a request that carried an Idempotency-Key, written in the request's own transaction."""

    __tablename__ = "idempotent_answers"

    subject: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    status: Mapped[int]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
