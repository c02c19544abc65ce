"""Extensions of a placard's period, proposed and granted as those of orders are."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261126_0521"
down_revision: str | Sequence[str] | None = "20261126_0515"


def upgrade() -> None:
    op.add_column("order_extensions", sa.Column("placard_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_order_extensions_placard_id"), "order_extensions", "placards", ["placard_id"], ["id"]
    )
    op.alter_column("order_extensions", "order_id", nullable=True)
    op.create_check_constraint(
        op.f("ck_order_extensions_of_one"), "order_extensions", "num_nonnulls(order_id, placard_id) = 1"
    )
    op.create_index(op.f("ix_order_extensions_placard_id"), "order_extensions", ["placard_id"])


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
