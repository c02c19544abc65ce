"""Sites by position, for maps."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261125_2252"
down_revision: str | Sequence[str] | None = "20261125_2251"


def upgrade() -> None:
    op.create_index("ix_sites_latitude_longitude", "sites", ["latitude", "longitude"])


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
