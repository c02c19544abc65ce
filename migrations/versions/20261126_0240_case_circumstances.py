"""What aggravated when a case was filed is kept as it was then."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "20261126_0240"
down_revision: str | Sequence[str] | None = "20261126_0214"


def upgrade() -> None:
    op.create_table(
        "case_circumstances",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kept_on", sa.Date(), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_circumstances_case_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_circumstances")),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON case_circumstances "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
