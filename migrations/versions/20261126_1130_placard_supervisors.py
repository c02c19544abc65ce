"""A placard's history says who watches it; where its clock was handed over alone, the placard follows, so that the two are one again.

Whom the public text names is left out: he may not be a placard's supervisor.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261126_1130"
down_revision: str | Sequence[str] | None = "20261126_0632"

# The history is read in the order of its ids: these begin with the time, as the program's own do (PostgreSQL 15 has no uuidv7).
REASON = "系统升级：挂牌时限曾单独移交，督办责任人随之变更 · Upgrade: its clock had been handed over alone"
FOLLOW = f"""
WITH followed AS (
    UPDATE placards p SET supervisor_id = u.id, version = p.version + 1, updated_at = now() FROM clocks c JOIN users u ON u.id = c.responsible_id
     WHERE c.subject_id = p.id AND c.subject_kind = 'placard' AND c.code = 'placard' AND c.ended_on IS NULL
       AND p.status = 'in_force' AND p.supervisor_id <> u.id AND position(u.name IN p.text_zh || p.text_en) = 0
    RETURNING p.id, p.status, p.supervisor_id)
INSERT INTO placard_steps (id, created_at, placard_id, action, from_status, to_status, on_date, note, supervisor_id)
SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || right(replace(gen_random_uuid()::text, '-', ''), 20))::uuid,
       now(), id, 'name_supervisor', status, status, (now() AT TIME ZONE 'Asia/Shanghai')::date, '{REASON}', supervisor_id
  FROM followed
"""


def upgrade() -> None:
    op.add_column("placard_steps", sa.Column("supervisor_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_placard_steps_supervisor_id"), "placard_steps", "users", ["supervisor_id"], ["id"]
    )
    op.execute(FOLLOW)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
