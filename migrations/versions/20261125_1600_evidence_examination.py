"""Examination: leases and reduced copies; files from a desk; sweeping what no package ever declared."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

# A file that no package declared in 90 days may go; every other original stays as it is, for ever.
ORIGINAL_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_other_original() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.is_claimed OR OLD.received_at > now() - interval '90 days' THEN
            RAISE EXCEPTION 'an original is never removed' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF (NEW.id, NEW.sha256, NEW.size, NEW.storage_key) IS DISTINCT FROM
       (OLD.id, OLD.sha256, OLD.size, OLD.storage_key) OR (OLD.is_claimed AND NOT NEW.is_claimed) THEN
        RAISE EXCEPTION 'an original is never altered' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""

revision: str = "20261125_1600"
down_revision: str | Sequence[str] | None = "20261125_1540"


def upgrade() -> None:
    op.alter_column("evidence_files", "package_id", existing_type=sa.Uuid(), nullable=True)
    op.add_column("evidence_files", sa.Column("hazard_id", sa.Uuid(), nullable=True))
    op.create_foreign_key("fk_evidence_files_hazard_id", "evidence_files", "hazards", ["hazard_id"], ["id"])
    op.create_index(op.f("ix_evidence_files_hazard_id"), "evidence_files", ["hazard_id"], unique=False)
    op.create_check_constraint(
        op.f("ck_evidence_files_belongs"), "evidence_files", "package_id IS NOT NULL OR hazard_id IS NOT NULL"
    )
    op.add_column("evidence_files", sa.Column("name", sa.Text(), nullable=True))
    op.add_column("evidence_files", sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "evidence_files",
        sa.Column("attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.drop_column("evidence_files", "derivatives")  # nothing was ever written there

    op.create_table(
        "evidence_derivatives",
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("pixels", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["evidence_id"],
            ["evidence_files.id"],
            name=op.f("fk_evidence_derivatives_evidence_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("evidence_id", "pixels", name=op.f("pk_evidence_derivatives")),
    )
    op.create_index(op.f("ix_evidence_derivatives_sha256"), "evidence_derivatives", ["sha256"], unique=False)
    op.create_table(
        "evidence_removals",
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("storage_key", name=op.f("pk_evidence_removals")),
    )
    op.execute(ORIGINAL_FUNCTION)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
