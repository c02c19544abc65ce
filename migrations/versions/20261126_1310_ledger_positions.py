"""The ledger of a clock is in the order in which it was written, whatever the time of the machine was."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261126_1310"
down_revision: str | Sequence[str] | None = "20261126_1240"

# What is there is read in the order of ids, as it was so far.
NUMBER = """
UPDATE clock_events SET position = numbered.position
  FROM (SELECT id, row_number() OVER (ORDER BY id) AS position FROM clock_events) AS numbered WHERE numbered.id = clock_events.id
"""
GO_ON = """
SELECT setval(pg_get_serial_sequence('clock_events', 'position'), greatest(max(position), 1), max(position) IS NOT NULL)
  FROM clock_events
"""


def upgrade() -> None:
    op.add_column("clock_events", sa.Column("position", sa.BigInteger(), nullable=True))
    op.execute("ALTER TABLE clock_events DISABLE TRIGGER append_only")
    op.execute(NUMBER)
    op.execute("ALTER TABLE clock_events ENABLE TRIGGER append_only")
    op.alter_column("clock_events", "position", nullable=False)
    op.execute("ALTER TABLE clock_events ALTER COLUMN position ADD GENERATED ALWAYS AS IDENTITY")
    op.execute(GO_ON)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
