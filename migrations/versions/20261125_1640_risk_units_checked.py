"""A package and its hazards may name the risk unit that was checked; a fact sheet names its unit by that."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_1640"
down_revision: str | Sequence[str] | None = "20261125_1613"


def upgrade() -> None:
    for table in ("packages", "hazards"):
        op.add_column(table, sa.Column("risk_unit_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(op.f(f"fk_{table}_risk_unit_id"), table, "risk_units", ["risk_unit_id"], ["id"])
    op.create_index(op.f("ix_hazards_risk_unit_id"), "hazards", ["risk_unit_id"])
    op.alter_column("fact_sheets", "root_package_id", new_column_name="unit_id", existing_type=sa.Uuid())


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
