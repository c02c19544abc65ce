"""The board: what is incomplete by index, and what phones say that they hold."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_1916"
down_revision: str | Sequence[str] | None = "20261125_1915"


def upgrade() -> None:
    op.add_column(
        "evidence_manifests",
        sa.Column("is_complete", sa.Boolean(), sa.Computed("missing = 0", persisted=True), nullable=False),
    )
    op.create_index(
        "ix_evidence_manifests_incomplete",
        "evidence_manifests",
        ["declared_at", "package_id"],
        unique=False,
        postgresql_where=sa.text("NOT is_complete"),
    )
    op.create_index(
        "ix_evidence_manifests_device_id_incomplete",
        "evidence_manifests",
        ["device_id", "declared_at"],
        unique=False,
        postgresql_where=sa.text("NOT is_complete"),
    )
    op.create_table(
        "device_outboxes",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("packages", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("oldest_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "packages >= 0 AND files >= 0 AND bytes >= 0", name=op.f("ck_device_outboxes_counts")
        ),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_device_outboxes_device_id")),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_device_outboxes")),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
