"""The map's tallies: how many hazards are open at each site, by region, trades and level."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261126_0550"
down_revision: str | Sequence[str] | None = "20261126_0530"

TALLIES = """
INSERT INTO hazard_site_tallies (site_id, region_id, trades, level, number, overdue)
SELECT c.site_id, c.region_id, c.trades, c.level, count(*),
       count(*) FILTER (WHERE c.status = 'ordered' AND c.due_on < s.counted_on)
  FROM counted_hazards c CROSS JOIN hazard_counting s WHERE c.status <> 'closed' GROUP BY 1, 2, 3, 4
"""


def upgrade() -> None:
    op.execute("SELECT FROM hazard_counting FOR UPDATE")  # no fold comes between
    op.add_column("counted_hazards", sa.Column("site_id", sa.Uuid(), nullable=True))
    op.execute("UPDATE counted_hazards c SET site_id = h.site_id FROM hazards h WHERE h.id = c.hazard_id")
    op.alter_column("counted_hazards", "site_id", nullable=False)
    op.create_table(
        "hazard_site_tallies",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("trades", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("overdue", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_hazard_site_tallies_region_id")),
        sa.PrimaryKeyConstraint(
            "site_id", "region_id", "trades", "level", name=op.f("pk_hazard_site_tallies")
        ),
    )
    op.execute(TALLIES)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
