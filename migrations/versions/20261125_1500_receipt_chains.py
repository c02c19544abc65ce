"""Receipts of a phone are numbered and chained through one row, its head, which is also their lock."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_1500"
down_revision: str | Sequence[str] | None = "20261124_1402"

NUMBER = """
UPDATE receipts SET number = numbered.number
  FROM (SELECT package_id, row_number() OVER (PARTITION BY device_id ORDER BY created_at, package_id) AS number
          FROM receipts) AS numbered
 WHERE numbered.package_id = receipts.package_id
"""
HEADS = """
INSERT INTO receipt_chains (device_id, number, sha256)
SELECT DISTINCT ON (device_id) device_id, number, sha256 FROM receipts ORDER BY device_id, number DESC
"""


def upgrade() -> None:
    op.create_table(
        "receipt_chains",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_receipt_chains_device_id")),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_receipt_chains")),
    )
    op.add_column("receipts", sa.Column("number", sa.BigInteger(), nullable=True))
    op.execute("ALTER TABLE receipts DISABLE TRIGGER receipts_append_only")
    op.execute(NUMBER)
    op.execute("ALTER TABLE receipts ENABLE TRIGGER receipts_append_only")
    op.alter_column("receipts", "number", existing_type=sa.BigInteger(), nullable=False)
    op.create_unique_constraint(op.f("uq_receipts_device_id_number"), "receipts", ["device_id", "number"])
    op.drop_index(op.f("ix_receipts_device_id"), table_name="receipts")
    op.execute(HEADS)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
