"""Plans for removing a listed hazard, and what was done month by month."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_2356"
down_revision: str | Sequence[str] | None = "20261125_2353"


def upgrade() -> None:
    op.create_table(
        "placard_plans",
        sa.Column("placard_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("measures", sa.Text(), nullable=False),
        sa.Column("funds_fen", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("contingency", sa.Text(), nullable=False),
        *_rest("placard_plans", ("contact_id", "enterprise_contacts")),
    )
    op.create_index(op.f("ix_placard_plans_placard_id"), "placard_plans", ["placard_id"])
    op.create_table(
        "placard_progress",
        sa.Column("placard_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        *_rest("placard_progress"),
        sa.UniqueConstraint("placard_id", "month", name=op.f("uq_placard_progress_placard_id_month")),
    )


def _rest(table: str, *references: tuple[str, str]) -> list[sa.schema.SchemaItem]:
    all_references = (("placard_id", "placards"), ("recorded_by", "users"), *references)
    return [
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))
            for column, other in all_references
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    ]


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
