"""Of the reports only those that suspect a clause are read where the list is narrowed to what is suspected."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261126_1240"
down_revision: str | Sequence[str] | None = "20261126_1215"


def upgrade() -> None:
    op.create_index(
        "ix_hazard_reports_suspected",
        "hazard_reports",
        ["hazard_id"],
        postgresql_where=sa.text("suspected_by IS NOT NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
