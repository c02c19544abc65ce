"""What revoked phones handed in. What is set aside of active phones stays in `package_intakes`; one queue shows both."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import utc_now
from app.db.base import Base, Identified, Versioned


class IntakeDelivery(Identified, Versioned, Base):
    """A package or a file that a revoked phone handed in: durable, not accepted. A person decides, once; nothing is ever deleted.

    A package's bytes are in `sealed`, with the phone's `signature` over them; a file's lie in the object storage. `note` is the
    custody note as it was signed. `said_at` is the phone's own word for the time and proves nothing; `proof` is its signature over
    the handing in (None: carried here in a bundle file, by `carried_by` if somebody brought it through the API).
    """

    __tablename__ = "intake_deliveries"
    __table_args__ = (
        UniqueConstraint("device_id", "kind", "object_id", "sha256"),
        CheckConstraint("kind IN ('package', 'evidence')", name="kind"),
        CheckConstraint("status IN ('waiting', 'released', 'rejected')", name="status"),
        CheckConstraint(
            "CASE kind WHEN 'package' THEN sealed IS NOT NULL AND signature IS NOT NULL ELSE storage_key IS NOT NULL END",
            name="bytes",
        ),
        CheckConstraint("(status = 'waiting') = (decided_at IS NULL)", name="decided"),
        Index(
            "ix_intake_deliveries_waiting", "received_at", "id", postgresql_where=text("status = 'waiting'")
        ),
        Index("ix_intake_deliveries_package_id", "package_id"),
        Index("ix_intake_deliveries_user_id_id", "user_id", "id"),
    )

    kind: Mapped[str]
    object_id: Mapped[UUID]
    package_id: Mapped[UUID]
    device_id: Mapped[UUID] = mapped_column(ForeignKey("devices.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    key_id: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int]
    sealed: Mapped[bytes | None]
    signature: Mapped[str | None]
    media_type: Mapped[str | None]
    storage_key: Mapped[str | None] = mapped_column(index=True)
    said_at: Mapped[str | None]
    proof: Mapped[str | None]
    carried_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[bytes]
    received_at: Mapped[datetime] = mapped_column(default=utc_now)
    status: Mapped[str] = mapped_column(default="waiting")
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decision_reason: Mapped[str | None]
