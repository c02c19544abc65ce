"""Originals that an enterprise's invited person brought."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_2353"
down_revision: str | Sequence[str] | None = "20261125_2352"


def upgrade() -> None:
    op.alter_column("evidence_files", "user_id", nullable=True)
    op.add_column("evidence_files", sa.Column("invitation_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_evidence_files_invitation_id"),
        "evidence_files",
        "site_invitations",
        ["invitation_id"],
        ["id"],
    )
    op.create_check_constraint(
        op.f("ck_evidence_files_whose"), "evidence_files", "(user_id IS NULL) <> (invitation_id IS NULL)"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
