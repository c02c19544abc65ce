"""Lists of evidence by region, newest first."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_1613"
down_revision: str | Sequence[str] | None = "20261125_1610"


def upgrade() -> None:
    op.create_index(
        "ix_evidence_declarations_region_id_id", "evidence_declarations", ["region_id", "id"], unique=False
    )
    op.drop_index("ix_evidence_declarations_region_id", table_name="evidence_declarations")
    op.create_index(
        "ix_evidence_files_desk",
        "evidence_files",
        ["region_id", "id"],
        unique=False,
        postgresql_where=sa.text("device_id IS NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
