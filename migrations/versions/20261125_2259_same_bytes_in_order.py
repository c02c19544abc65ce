"""Files of the same bytes are found in the order in which they came."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261125_2259"
down_revision: str | Sequence[str] | None = "20261125_2252"


def upgrade() -> None:
    op.create_index(
        "ix_evidence_files_sha256_received_at_id",
        "evidence_files",
        ["sha256", "received_at", "id"],
        unique=False,
    )
    op.drop_index("ix_evidence_files_sha256", table_name="evidence_files")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
