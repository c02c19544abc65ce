"""Hazards merged into others, the pairs that are proposed, and how far the change feed was looked through for them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_2310"
down_revision: str | Sequence[str] | None = "20261125_2301"

REFERENCES = (
    ("hazard_id", "hazards"), ("other_id", "hazards"), ("region_id", "regions"), ("kept_id", "hazards"), ("decided_by", "users"),
)  # fmt: skip


def upgrade() -> None:
    op.add_column("hazards", sa.Column("merged_into_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_hazards_merged_into_id"), "hazards", "hazards", ["merged_into_id"], ["id"])
    op.create_check_constraint(op.f("ck_hazards_merged_into"), "hazards", "merged_into_id <> id")
    op.create_index(
        "ix_hazards_merged_into_id",
        "hazards",
        ["merged_into_id"],
        postgresql_where=sa.text("merged_into_id IS NOT NULL"),
    )
    op.create_table(
        "hazard_duplicates",
        sa.Column("hazard_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("kept_id", sa.Uuid(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('proposed', 'merged', 'dismissed')", name=op.f("ck_hazard_duplicates_status")
        ),
        sa.CheckConstraint(
            "(status = 'merged') = (kept_id IS NOT NULL)", name=op.f("ck_hazard_duplicates_kept")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_hazard_duplicates_{column}"))
            for column, table in REFERENCES
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hazard_duplicates")),
        sa.UniqueConstraint("hazard_id", "other_id", name=op.f("uq_hazard_duplicates_hazard_id_other_id")),
    )
    op.create_index(op.f("ix_hazard_duplicates_other_id"), "hazard_duplicates", ["other_id"])
    op.create_index("ix_hazard_duplicates_region_id_id", "hazard_duplicates", ["region_id", "id"])
    op.create_table(
        "hazard_comparing",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_hazard_comparing_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hazard_comparing")),
    )
    op.execute("INSERT INTO hazard_comparing (id, position) VALUES (1, 0)")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
