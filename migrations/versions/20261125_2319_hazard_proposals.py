"""What is proposed for hazards whose deadline has passed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_2319"
down_revision: str | Sequence[str] | None = "20261125_2318"

REFERENCES = (
    ("hazard_id", "hazards"), ("region_id", "regions"), ("clock_id", "clocks"), ("settled_by", "users"),
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "hazard_proposals",
        sa.Column("hazard_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("clock_id", sa.Uuid(), nullable=False),
        sa.Column("clock_title", sa.Text(), nullable=False),
        sa.Column("basis_zh", sa.Text(), nullable=False),
        sa.Column("basis_en", sa.Text(), nullable=False),
        sa.Column("to_be_confirmed", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("object_kind", sa.Text(), nullable=True),
        sa.Column("object_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_because", sa.Text(), nullable=True),
        sa.Column("settled_by", sa.Uuid(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('open', 'taken_up', 'dismissed', 'withdrawn')", name=op.f("ck_hazard_proposals_status")
        ),
        sa.CheckConstraint("(status = 'open') = (settled_at IS NULL)", name=op.f("ck_hazard_proposals_settled")),
        sa.CheckConstraint(
            "(status = 'taken_up') = (object_id IS NOT NULL)", name=op.f("ck_hazard_proposals_object")
        ),
        sa.CheckConstraint(
            "(status = 'dismissed') = (settled_reason IS NOT NULL)", name=op.f("ck_hazard_proposals_reason")
        ),
        sa.CheckConstraint(
            "(status = 'withdrawn') = (withdrawn_because IS NOT NULL)", name=op.f("ck_hazard_proposals_because")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_hazard_proposals_{column}"))
            for column, table in REFERENCES
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hazard_proposals")),
        sa.UniqueConstraint(
            "hazard_id", "kind", "due_on", name=op.f("uq_hazard_proposals_hazard_id_kind_due_on")
        ),
    )  # fmt: skip
    op.create_index("ix_hazard_proposals_region_id_id", "hazard_proposals", ["region_id", "id"])


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
