"""An order's period ends with the report that the hazard is rectified, and is reopened by a re-inspection that finds it undone."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261126_0632"
down_revision: str | Sequence[str] | None = "20261126_0621"

ACTIONS = "action IN ('start', 'suspend', 'resume', 'extend', 'end', 'reopen', 'reproject', 'hand_over')"
# Of what waits for its re-inspection today; the last report is the one that it waits by. A ledger is read in order of ids, so these
# begin with the time as the program's own do (PostgreSQL 15 has no uuidv7).
REPORTED = """
WITH reported AS (
    SELECT DISTINCT ON (h.id) h.id, s.on_date, s.user_id FROM hazards h JOIN hazard_steps s ON s.hazard_id = h.id
     WHERE h.status = 'rectified' AND s.action = 'report_rectified' ORDER BY h.id, s.id DESC),
ended AS (
    UPDATE clocks c SET ended_on = r.on_date, version = c.version + 1 FROM reported r
     WHERE c.subject_id = r.id AND c.subject_kind = 'hazard' AND c.code = 'rectification' AND c.ended_on IS NULL
    RETURNING c.id, c.due_on, c.ended_on, r.user_id)
INSERT INTO clock_events (id, clock_id, action, on_date, due_before, due_after, user_id, created_at)
SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || right(replace(gen_random_uuid()::text, '-', ''), 20))::uuid,
       id, 'end', ended_on, due_on, due_on, user_id, now() FROM ended
"""


def upgrade() -> None:
    op.drop_constraint(op.f("ck_clock_events_action"), "clock_events", type_="check")
    op.create_check_constraint(op.f("ck_clock_events_action"), "clock_events", ACTIONS)
    op.execute(REPORTED)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
