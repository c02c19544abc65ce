"""What is reported as rectified is not overdue while it waits for its re-inspection: the tallies count it no more."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261126_0510"
down_revision: str | Sequence[str] | None = "20261126_0410"


def upgrade() -> None:
    op.execute("SELECT FROM hazard_counting FOR UPDATE")  # no fold comes between
    op.execute("UPDATE hazard_tallies SET overdue = 0 WHERE status = 'rectified' AND overdue <> 0")
    op.drop_index("ix_counted_hazards_due_on", "counted_hazards")
    op.create_index(
        "ix_counted_hazards_due_on",
        "counted_hazards",
        ["due_on"],
        postgresql_where=sa.text("status = 'ordered'"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
