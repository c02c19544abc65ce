"""A placard's period ends with the report that its hazard is rectified, or with the re-inspection that found it so."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261126_1215"
down_revision: str | Sequence[str] | None = "20261126_1130"

# Of placards in force whose hazard, or the one it was merged into, is reported or found rectified today: since the first report or
# re-inspection after what it was last ordered or found undone by, but not before the decision. A ledger is read in order of ids, so
# these begin with the time as the program's own do (PostgreSQL 15 has no uuidv7).
ANSWERED = """
WITH RECURSIVE up AS (
    SELECT p.id AS placard, p.decided_on, h.id, h.status, h.merged_into_id FROM placards p JOIN hazards h ON h.id = p.hazard_id
     WHERE p.status = 'in_force'
     UNION ALL
    SELECT up.placard, up.decided_on, h.id, h.status, h.merged_into_id FROM up JOIN hazards h ON h.id = up.merged_into_id),
answered AS (
    SELECT DISTINCT ON (up.placard) up.placard, greatest(up.decided_on, s.on_date) AS day, s.user_id
      FROM up JOIN hazard_steps s ON s.hazard_id = up.id
     WHERE up.merged_into_id IS NULL AND up.status IN ('rectified', 'reinspected', 'closed')
       AND s.action IN ('report_rectified', 'reinspect')
       AND NOT EXISTS (SELECT FROM hazard_steps later WHERE later.hazard_id = up.id AND later.id > s.id
                          AND later.action IN ('order', 'reject_rectification'))
     ORDER BY up.placard, s.id),
ended AS (
    UPDATE clocks c SET ended_on = a.day, version = c.version + 1, updated_at = now() FROM answered a
     WHERE c.subject_id = a.placard AND c.subject_kind = 'placard' AND c.code = 'placard' AND c.ended_on IS NULL
    RETURNING c.id, c.due_on, c.ended_on, a.user_id)
INSERT INTO clock_events (id, clock_id, action, on_date, due_before, due_after, user_id, created_at)
SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || right(replace(gen_random_uuid()::text, '-', ''), 20))::uuid,
       id, 'end', ended_on, due_on, due_on, user_id, now() FROM ended
"""


def upgrade() -> None:
    op.execute(ANSWERED)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
