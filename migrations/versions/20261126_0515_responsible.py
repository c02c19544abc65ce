"""Who answers for a clock: named at its start and at each hand-over; a case's team has one who leads it.

Of running clocks it is the officer of the newest order, whoever decided the measure, the placard's supervisor, the case's leading
officer: who opened the case if he is in its team, else the first of it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261126_0515"
down_revision: str | Sequence[str] | None = "20261126_0510"

ACTIONS = "action IN ('start', 'suspend', 'resume', 'extend', 'end', 'reproject', 'hand_over')"
LEADING = """
UPDATE case_officers o SET is_leading = true
  FROM (SELECT DISTINCT ON (c.id) c.id, t.user_id FROM cases c JOIN case_officers t ON t.case_id = c.id
         ORDER BY c.id, t.user_id <> c.opened_by, t.user_id) first
 WHERE o.case_id = first.id AND o.user_id = first.user_id
"""
ANSWERING = {
    "hazard": "SELECT DISTINCT ON (hazard_id) hazard_id AS subject, issued_by AS who FROM rectification_orders ORDER BY hazard_id, id DESC",
    "onsite_measure": """
        SELECT DISTINCT ON (measure_id) measure_id AS subject, user_id AS who FROM onsite_measure_steps
         WHERE action IN ('order_orally', 'decide') ORDER BY measure_id, id DESC
    """,
    "placard": "SELECT id AS subject, supervisor_id AS who FROM placards",
    "case": "SELECT case_id AS subject, user_id AS who FROM case_officers WHERE is_leading",
}
# A UUIDv7 of this moment: the ledger is read in the order of its ids.
ORDERED_ID = """(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
    || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid"""
REASON = "系统升级：按在案文书记明承办人 · Upgrade: named from the documents"
TAKE = """
WITH taken AS (
    UPDATE clocks c SET responsible_id = u.id, brigade_id = u.brigade_id, version = c.version + 1, updated_at = now()
      FROM ({found}) found JOIN users u ON u.id = found.who
     WHERE c.subject_kind = '{kind}' AND c.subject_id = found.subject AND c.ended_on IS NULL
    RETURNING c.id, c.due_on, c.responsible_id
)
INSERT INTO clock_events (id, created_at, clock_id, action, on_date, reason, due_before, due_after, responsible_id)
SELECT {ordered_id}, now(), id, 'hand_over', (now() AT TIME ZONE 'Asia/Shanghai')::date, '{reason}', due_on, due_on, responsible_id
  FROM taken
"""


def upgrade() -> None:
    op.add_column("clock_events", sa.Column("responsible_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_clock_events_responsible_id"), "clock_events", "users", ["responsible_id"], ["id"]
    )
    op.drop_constraint(op.f("ck_clock_events_action"), "clock_events", type_="check")
    op.create_check_constraint(op.f("ck_clock_events_action"), "clock_events", ACTIONS)
    op.add_column(
        "case_officers", sa.Column("is_leading", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute(LEADING)
    op.alter_column("case_officers", "is_leading", server_default=None)
    op.create_index(
        "uq_case_officers_leading",
        "case_officers",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("is_leading"),
    )
    op.create_index(
        "ix_clocks_running_brigade",
        "clocks",
        ["brigade_id", "due_on", "id"],
        postgresql_where=sa.text("ended_on IS NULL"),
    )
    for kind, found in ANSWERING.items():
        op.execute(TAKE.format(kind=kind, found=found, ordered_id=ORDERED_ID, reason=REASON))


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
