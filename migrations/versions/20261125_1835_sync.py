"""Phones find what left their regions by the region it was in before."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_1835"
down_revision: str | Sequence[str] | None = "20261125_1830"


def upgrade() -> None:
    op.create_index(
        "ix_changes_previous_region_id_position",
        "changes",
        ["previous_region_id", "position"],
        postgresql_where=sa.text("previous_region_id IS NOT NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
