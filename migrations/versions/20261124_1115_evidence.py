"""Evidence: manifests, declarations, originals that never change."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

ORIGINAL_FUNCTION = """
CREATE FUNCTION refuse_other_original() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.id, NEW.sha256, NEW.size, NEW.storage_key) IS DISTINCT FROM
       (OLD.id, OLD.sha256, OLD.size, OLD.storage_key) THEN
        RAISE EXCEPTION 'an original is never altered' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""

revision: str = "20261124_1115"
down_revision: str | Sequence[str] | None = "20261124_1110"


def upgrade() -> None:
    op.create_table(
        "evidence_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("is_claimed", sa.Boolean(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("examined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detected_type", sa.Text(), nullable=True),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "metadata_facts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("derivatives", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_evidence_files_device_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_evidence_files_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_files")),
    )
    op.create_index(op.f("ix_evidence_files_package_id"), "evidence_files", ["package_id"], unique=False)
    op.create_index(op.f("ix_evidence_files_sha256"), "evidence_files", ["sha256"], unique=False)
    op.create_index(
        "ix_evidence_files_unclaimed",
        "evidence_files",
        ["device_id", "received_at"],
        unique=False,
        postgresql_where=sa.text("NOT is_claimed"),
    )
    op.create_index(
        "ix_evidence_files_unexamined",
        "evidence_files",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("examined_at IS NULL"),
    )
    op.create_table(
        "evidence_manifests",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_evidence_manifests_device_id")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_evidence_manifests_region_id")),
        sa.PrimaryKeyConstraint("package_id", name=op.f("pk_evidence_manifests")),
    )
    op.create_index(
        op.f("ix_evidence_manifests_device_id"), "evidence_manifests", ["device_id"], unique=False
    )
    op.create_index(
        op.f("ix_evidence_manifests_region_id"), "evidence_manifests", ["region_id"], unique=False
    )
    op.create_table(
        "evidence_declarations",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("monotonic_ms", sa.BigInteger(), nullable=True),
        sa.Column("position", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("withdrawal", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('missing', 'verified', 'withdrawn')", name=op.f("ck_evidence_declarations_status")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_evidence_declarations_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["package_id"],
            ["evidence_manifests.package_id"],
            name=op.f("fk_evidence_declarations_package_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id"], ["regions.id"], name=op.f("fk_evidence_declarations_region_id")
        ),
        sa.PrimaryKeyConstraint("package_id", "id", name=op.f("pk_evidence_declarations")),
    )
    op.create_index(
        op.f("ix_evidence_declarations_device_id"), "evidence_declarations", ["device_id"], unique=False
    )
    op.create_index(op.f("ix_evidence_declarations_id"), "evidence_declarations", ["id"], unique=False)
    op.create_index(
        "ix_evidence_declarations_missing",
        "evidence_declarations",
        ["package_id"],
        unique=False,
        postgresql_where=sa.text("status = 'missing'"),
    )
    op.create_index(
        op.f("ix_evidence_declarations_region_id"), "evidence_declarations", ["region_id"], unique=False
    )

    op.execute(ORIGINAL_FUNCTION)
    op.execute(
        "CREATE TRIGGER evidence_files_original BEFORE UPDATE OR DELETE ON evidence_files "
        "FOR EACH ROW EXECUTE FUNCTION refuse_other_original()"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
