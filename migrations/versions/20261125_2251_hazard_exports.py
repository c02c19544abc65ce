"""Exports of the hazard registry: progress, and the parts their files lie in."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_2251"
down_revision: str | Sequence[str] | None = "20261125_2248"


def upgrade() -> None:
    op.create_table(
        "hazard_exports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("region_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("filters", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("rows_total", sa.BigInteger(), nullable=False),
        sa.Column("rows_done", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.Uuid(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'running', 'done', 'failed', 'expired')",
            name=op.f("ck_hazard_exports_status"),
        ),
        sa.CheckConstraint("format IN ('csv', 'xlsx')", name=op.f("ck_hazard_exports_format")),
        sa.CheckConstraint("(sha256 IS NOT NULL) OR status <> 'done'", name=op.f("ck_hazard_exports_done")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_hazard_exports_region_id")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_hazard_exports_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hazard_exports")),
    )
    op.create_index(op.f("ix_hazard_exports_created_by"), "hazard_exports", ["created_by"])
    op.create_index(
        "ix_hazard_exports_expires_at",
        "hazard_exports",
        ["expires_at"],
        postgresql_where=sa.text("status <> 'expired'"),
    )
    op.create_table(
        "hazard_export_parts",
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["export_id"], ["hazard_exports.id"], name=op.f("fk_hazard_export_parts_export_id")
        ),
        sa.PrimaryKeyConstraint("export_id", "number", name=op.f("pk_hazard_export_parts")),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
