"""Who was invited is erased some time after the invitation's end; a keyed hash stays."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261126_0400"
down_revision: str | Sequence[str] | None = "20261126_0330"

TABLE = "site_invitations"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(TABLE, sa.Column("person_hash", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f(f"ck_{TABLE}_erased"), TABLE, "(erased_at IS NULL) = (person_hash IS NULL)"
    )
    op.create_check_constraint(
        op.f(f"ck_{TABLE}_nothing_left"),
        TABLE,
        "erased_at IS NULL OR (name = '' AND phone IS NULL AND email IS NULL)",
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
