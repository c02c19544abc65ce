"""How far clocks are projected anew by an imported notice.

What was imported before is projected, unless its job is still there: then it begins once more, which moves nothing twice.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261126_1330"
down_revision: str | Sequence[str] | None = "20261126_1310"

# A job that went well is deleted. Only the newest notice of a year holds.
BEFORE = """
INSERT INTO notice_projections (notice_id, moved, finished_at)
SELECT n.id, (SELECT count(*) FROM clock_events e WHERE e.notice_id = n.id AND e.action = 'reproject'),
       CASE WHEN j.is_there AND n.number = max(n.number) OVER (PARTITION BY n.year) THEN NULL ELSE n.created_at END
  FROM calendar_notices n CROSS JOIN LATERAL (
       SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE task_name = 'clocks.reproject' AND args ->> 'notice_id' = n.id::text)
              AS is_there) j
"""


def upgrade() -> None:
    op.create_table(
        "notice_projections",
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("after_id", sa.Uuid(), nullable=True),
        sa.Column("moved", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["calendar_notices.id"], name=op.f("fk_notice_projections_notice_id")
        ),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_notice_projections")),
    )
    op.execute(BEFORE)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
