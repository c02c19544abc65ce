"""The queue of audit entries waiting for their seal, the change feed's epoch, and no NOTIFY in deferring transactions."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261124_1107"
down_revision: str | Sequence[str] | None = "20261124_1105"

QUEUE_FUNCTION = """
CREATE FUNCTION queue_for_sealing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO unsealed_entries (entry_id) SELECT id FROM added;
    RETURN NULL;
END $$
"""
QUEUE_TRIGGER = """
CREATE TRIGGER audit_entries_queue_for_sealing AFTER INSERT ON audit_entries
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION queue_for_sealing()
"""
QUEUE_EXISTING = """
INSERT INTO unsealed_entries (entry_id)
SELECT id FROM audit_entries WHERE NOT EXISTS (SELECT FROM sealed_entries WHERE entry_id = audit_entries.id)
"""


def upgrade() -> None:
    op.create_table(
        "unsealed_entries",
        sa.Column("entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_unsealed_entries")),
    )
    op.execute(QUEUE_FUNCTION)
    op.execute(QUEUE_TRIGGER)
    op.execute(QUEUE_EXISTING)
    op.create_table(
        "change_feed",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Uuid(), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("server", sa.Text(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_change_feed_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_feed")),
    )
    op.execute(
        "INSERT INTO change_feed (id, epoch, last_position) "
        "SELECT 1, gen_random_uuid(), coalesce(max(position), 0) FROM changes"
    )
    # NOTIFY puts the commits of the whole server in single file; workers poll instead
    op.execute("DROP TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 ON procrastinate_jobs")
    op.execute("DROP TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1 ON procrastinate_jobs")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
