"""When a hazard was closed, and hazards that came back."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_1940"
down_revision: str | Sequence[str] | None = "20261125_1916"

CLOSED_ON = """
UPDATE hazards SET closed_on = coalesce(
    (SELECT max(on_date) FROM hazard_steps s WHERE s.hazard_id = hazards.id AND s.to_status = 'closed'), found_on)
 WHERE status = 'closed'
"""


def upgrade() -> None:
    op.add_column("hazards", sa.Column("closed_on", sa.Date(), nullable=True))
    op.execute(CLOSED_ON)
    op.create_check_constraint("closed", "hazards", "(status = 'closed') = (closed_on IS NOT NULL)")
    op.create_index(
        "ix_hazards_closed_item",
        "hazards",
        ["enterprise_id", "item_code", "closed_on"],
        postgresql_where=sa.text("status = 'closed'"),
    )
    op.create_index(
        "ix_hazards_closed_on",
        "hazards",
        ["region_id", "closed_on"],
        postgresql_where=sa.text("status = 'closed'"),
    )
    op.create_table(
        "hazard_recurrences",
        sa.Column("hazard_id", sa.Uuid(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("earlier_id", sa.Uuid(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("ground IN ('item', 'clause')", name=op.f("ck_hazard_recurrences_ground")),
        sa.ForeignKeyConstraint(["hazard_id"], ["hazards.id"], name=op.f("fk_hazard_recurrences_hazard_id")),
        sa.ForeignKeyConstraint(
            ["earlier_id"], ["hazards.id"], name=op.f("fk_hazard_recurrences_earlier_id")
        ),
        sa.PrimaryKeyConstraint("hazard_id", "ground", name=op.f("pk_hazard_recurrences")),
    )
    op.create_index(op.f("ix_hazard_recurrences_earlier_id"), "hazard_recurrences", ["earlier_id"])
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hazard_recurrences "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
