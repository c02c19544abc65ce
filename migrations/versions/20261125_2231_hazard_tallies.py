"""Counters of the hazard registry: tallies, what each hazard counts as, and how far the change feed is folded into them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_2231"
down_revision: str | Sequence[str] | None = "20261125_2201"

# The position is read first: what is committed meanwhile is folded once more, which changes nothing.
STATE = """
INSERT INTO hazard_counting (id, position, counted_on)
SELECT 1, coalesce(max(last_position), 0), (now() AT TIME ZONE 'Asia/Shanghai')::date FROM change_feed
"""
COUNTED = """
INSERT INTO counted_hazards (hazard_id, enterprise_id, region_id, trades, level, clause, status, due_on)
SELECT h.id, h.enterprise_id, h.region_id, e.regulated_trades, h.level, h.clause, h.status, h.due_on
  FROM hazards h JOIN enterprises e ON e.id = h.enterprise_id
"""
TALLIES = """
INSERT INTO hazard_tallies (region_id, trades, level, clause, status, number, overdue)
SELECT c.region_id, c.trades, c.level, coalesce(c.clause, ''), c.status, count(*),
       count(*) FILTER (WHERE c.status IN ('ordered', 'rectified') AND c.due_on < s.counted_on)
  FROM counted_hazards c CROSS JOIN hazard_counting s GROUP BY 1, 2, 3, 4, 5
"""


def upgrade() -> None:
    op.create_table(
        "hazard_counting",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("counted_on", sa.Date(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_hazard_counting_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hazard_counting")),
    )
    op.create_table(
        "counted_hazards",
        sa.Column("hazard_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("trades", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["hazard_id"], ["hazards.id"], name=op.f("fk_counted_hazards_hazard_id")),
        sa.PrimaryKeyConstraint("hazard_id", name=op.f("pk_counted_hazards")),
    )
    op.create_table(
        "hazard_tallies",
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("trades", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("overdue", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_hazard_tallies_region_id")),
        sa.PrimaryKeyConstraint(
            "region_id", "trades", "level", "clause", "status", name=op.f("pk_hazard_tallies")
        ),
    )
    op.execute(STATE)
    op.execute(COUNTED)
    op.execute(TALLIES)
    op.create_index(op.f("ix_counted_hazards_enterprise_id"), "counted_hazards", ["enterprise_id"])
    op.create_index(
        "ix_counted_hazards_due_on",
        "counted_hazards",
        ["due_on"],
        postgresql_where=sa.text("status IN ('ordered', 'rectified')"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
