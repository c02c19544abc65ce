"""Manifests count what they miss, and claimed files know their region: a file's arrival is one statement."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_1530"
down_revision: str | Sequence[str] | None = "20261125_1526"


def upgrade() -> None:
    op.add_column(
        "evidence_manifests", sa.Column("missing", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.execute(
        "UPDATE evidence_manifests m SET missing = (SELECT count(*) FROM evidence_declarations d "
        "WHERE d.package_id = m.package_id AND d.status = 'missing')"
    )
    op.alter_column("evidence_manifests", "missing", server_default=None)

    op.add_column("evidence_files", sa.Column("region_id", sa.Uuid(), nullable=True))
    op.create_foreign_key("fk_evidence_files_region_id", "evidence_files", "regions", ["region_id"], ["id"])
    op.create_index(op.f("ix_evidence_files_region_id"), "evidence_files", ["region_id"], unique=False)
    op.execute(
        "UPDATE evidence_files f SET region_id = m.region_id FROM evidence_manifests m "
        "WHERE f.is_claimed AND m.package_id = f.package_id"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
