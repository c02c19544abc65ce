"""Provenance of photographs: perceptual hashes and their index, what was judged, duplicates, verdicts of reviewers."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_1844"
down_revision: str | Sequence[str] | None = "20261125_1840"

VERDICTS = "verdict IN ('accepted', 'doubted', 'rejected')"


def upgrade() -> None:
    op.add_column(
        "evidence_files", sa.Column("perceptual_hashes", postgresql.ARRAY(sa.BigInteger()), nullable=True)
    )
    op.add_column("evidence_files", sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_evidence_files_unjudged",
        "evidence_files",
        ["received_at", "id"],
        unique=False,
        postgresql_where=sa.text("is_claimed AND examined_at IS NOT NULL AND judged_at IS NULL"),
    )
    op.create_index(
        "ix_evidence_declarations_device_id_captured_at",
        "evidence_declarations",
        ["device_id", "captured_at", "id"],
        unique=False,
    )
    op.drop_index("ix_evidence_declarations_device_id", table_name="evidence_declarations")

    op.create_table(
        "evidence_provenance",
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("authority_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("checks", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("score", sa.BigInteger(), nullable=False),
        sa.Column("has_duplicates", sa.Boolean(), nullable=False),
        sa.Column("standards_version", sa.BigInteger(), nullable=False),
        sa.Column("first_judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.CheckConstraint(VERDICTS, name=op.f("ck_evidence_provenance_verdict")),
        sa.ForeignKeyConstraint(
            ["evidence_id"],
            ["evidence_files.id"],
            name=op.f("fk_evidence_provenance_evidence_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_evidence_provenance_region_id")),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authorities.id"], name=op.f("fk_evidence_provenance_authority_id")
        ),
        sa.PrimaryKeyConstraint("evidence_id", name=op.f("pk_evidence_provenance")),
    )
    op.create_index(
        op.f("ix_evidence_provenance_authority_id"), "evidence_provenance", ["authority_id"], unique=False
    )
    op.create_index(
        "ix_evidence_provenance_region_id_id",
        "evidence_provenance",
        ["region_id", "evidence_id"],
        unique=False,
    )
    op.create_index(
        "ix_evidence_provenance_unreviewed",
        "evidence_provenance",
        ["region_id", "evidence_id"],
        unique=False,
        postgresql_where=sa.text("verdict IS NULL AND (score > 0 OR has_duplicates)"),
    )
    op.create_index(
        "ix_evidence_provenance_standards", "evidence_provenance", ["standards_version"], unique=False
    )
    op.create_table(
        "evidence_reviews",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("on_version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(VERDICTS, name=op.f("ck_evidence_reviews_verdict")),
        sa.ForeignKeyConstraint(
            ["evidence_id"],
            ["evidence_provenance.evidence_id"],
            name=op.f("fk_evidence_reviews_evidence_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_evidence_reviews_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_reviews")),
    )
    op.create_index(
        "ix_evidence_reviews_evidence_id_id", "evidence_reviews", ["evidence_id", "id"], unique=False
    )
    op.create_table(
        "evidence_duplicates",
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("is_exact", sa.Boolean(), nullable=False),
        sa.Column("is_same_visit", sa.Boolean(), nullable=False),
        sa.Column("bits", sa.BigInteger(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("weight", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evidence_id"],
            ["evidence_provenance.evidence_id"],
            name=op.f("fk_evidence_duplicates_evidence_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["other_id"],
            ["evidence_provenance.evidence_id"],
            name=op.f("fk_evidence_duplicates_other_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("evidence_id", "other_id", name=op.f("pk_evidence_duplicates")),
    )
    op.create_index(
        op.f("ix_evidence_duplicates_other_id"), "evidence_duplicates", ["other_id"], unique=False
    )
    op.create_table(
        "evidence_likenesses",
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("authority_id", sa.Uuid(), nullable=False),
        sa.Column("perceptual_hash", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evidence_id"],
            ["evidence_provenance.evidence_id"],
            name=op.f("fk_evidence_likenesses_evidence_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authorities.id"], name=op.f("fk_evidence_likenesses_authority_id")
        ),
        sa.PrimaryKeyConstraint("evidence_id", "slot", name=op.f("pk_evidence_likenesses")),
    )
    op.create_index(
        "ix_evidence_likenesses_authority_id_slot",
        "evidence_likenesses",
        ["authority_id", "slot"],
        unique=False,
        postgresql_include=["perceptual_hash", "evidence_id"],
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
