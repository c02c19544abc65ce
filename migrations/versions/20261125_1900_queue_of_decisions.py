"""What people decided about packages that were set aside is listed by the time they came."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_1900"
down_revision: str | Sequence[str] | None = "20261125_1850"


def upgrade() -> None:
    op.create_index(
        "ix_package_intakes_decided",
        "package_intakes",
        ["received_at", "package_id"],
        postgresql_where=sa.text("decided_at IS NOT NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
