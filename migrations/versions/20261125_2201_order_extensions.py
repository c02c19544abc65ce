"""Extensions of rectification orders: proposed by one, granted or refused by another."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_2201"
down_revision: str | Sequence[str] | None = "20261125_2018"

REFERENCES = (
    ("hazard_id", "hazards"), ("order_id", "rectification_orders"), ("clock_id", "clocks"), ("region_id", "regions"),
    ("proposed_by", "users"), ("settled_by", "users"),
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "order_extensions",
        sa.Column("hazard_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("clock_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("due_before", sa.Date(), nullable=True),
        sa.Column("due_proposed", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("settled_by", sa.Uuid(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_reason", sa.Text(), nullable=True),
        sa.Column("due_after", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('proposed', 'granted', 'refused', 'withdrawn')",
            name=op.f("ck_order_extensions_status"),
        ),
        sa.CheckConstraint(
            "(status = 'proposed') = (settled_at IS NULL)", name=op.f("ck_order_extensions_settled")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_order_extensions_{column}"))
            for column, table in REFERENCES
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_extensions")),
    )
    op.create_index(op.f("ix_order_extensions_hazard_id"), "order_extensions", ["hazard_id"])
    op.create_index("ix_order_extensions_region_id_id", "order_extensions", ["region_id", "id"])
    op.create_index(
        "uq_order_extensions_proposed",
        "order_extensions",
        ["clock_id"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
