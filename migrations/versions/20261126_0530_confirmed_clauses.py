"""Every clause that was confirmed of a hazard, not the first alone; and what comes back, whatever was merged."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261126_0530"
down_revision: str | Sequence[str] | None = "20261126_0521"

# The first is the hazard's own; the further ones stand in its history.
CLAUSES = """
INSERT INTO hazard_clauses (hazard_id, clause, since, created_at)
SELECT id, clause, major_since, now() FROM hazards WHERE clause IS NOT NULL
 UNION ALL
SELECT s.hazard_id, s.detail->>'clause', min(s.on_date), min(s.created_at)
  FROM hazard_steps s JOIN hazards h ON h.id = s.hazard_id
 WHERE s.action = 'confirm_major' AND s.detail->>'clause' IS DISTINCT FROM h.clause AND s.detail->>'clause' IS NOT NULL
 GROUP BY 1, 2
"""


def upgrade() -> None:
    op.create_table(
        "hazard_clauses",
        sa.Column("hazard_id", sa.Uuid(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hazard_id"], ["hazards.id"], name=op.f("fk_hazard_clauses_hazard_id")),
        sa.PrimaryKeyConstraint("hazard_id", "clause", name=op.f("pk_hazard_clauses")),
    )
    op.execute(CLAUSES)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hazard_clauses "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
    )
    op.drop_constraint(op.f("pk_hazard_recurrences"), "hazard_recurrences")
    op.create_primary_key(
        op.f("pk_hazard_recurrences"), "hazard_recurrences", ["hazard_id", "ground", "earlier_id"]
    )
    op.drop_index("ix_hazards_closed_item", "hazards")
    op.create_index(
        "ix_hazards_settled_item",
        "hazards",
        ["enterprise_id", "item_code"],
        postgresql_where=sa.text("closed_on IS NOT NULL OR merged_into_id IS NOT NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
