"""What a month's entry of a listed hazard should have said; entries, corrections and steps of placards are never rewritten."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261126_0210"
down_revision: str | Sequence[str] | None = "20261126_0200"

TABLE = "placard_progress_corrections"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("progress_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["progress_id"], ["placard_progress.id"], name=op.f(f"fk_{TABLE}_progress_id")
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["users.id"], name=op.f(f"fk_{TABLE}_recorded_by")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
    )
    op.create_index(op.f(f"ix_{TABLE}_progress_id"), TABLE, ["progress_id"])
    for table in (TABLE, "placard_progress", "placard_steps"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
        )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
