"""Uploads under way: how much of a file is durable, in which parts, and who appends at present."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_1850"
down_revision: str | Sequence[str] | None = "20261125_1844"


def upgrade() -> None:
    op.create_table(
        "evidence_uploads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("announced", sa.Text(), nullable=True),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('open', 'complete')", name=op.f("ck_evidence_uploads_state")),
        sa.CheckConstraint(
            "received >= 0 AND (received < size AND state = 'open' OR received = size AND state = 'complete')",
            name=op.f("ck_evidence_uploads_received"),
        ),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_evidence_uploads_device_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_evidence_uploads_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_uploads")),
        sa.UniqueConstraint(
            "device_id",
            "evidence_id",
            "package_id",
            "sha256",
            name=op.f("uq_evidence_uploads_device_id_evidence_id_package_id_sha256"),
        ),
    )
    op.create_index(op.f("ix_evidence_uploads_expires_at"), "evidence_uploads", ["expires_at"])
    op.create_index(
        "ix_evidence_uploads_open",
        "evidence_uploads",
        ["user_id", "device_id"],
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "evidence_upload_parts",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["upload_id"],
            ["evidence_uploads.id"],
            name=op.f("fk_evidence_upload_parts_upload_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("upload_id", "start", name=op.f("pk_evidence_upload_parts")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_evidence_upload_parts_storage_key")),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
