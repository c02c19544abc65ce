"""Placards: in the name of the authority that decided, not of the one that registered the hazard."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261126_0520"
down_revision: str | Sequence[str] | None = "20261126_0515"

# The number stays what was given and printed. Whoever was entrusted on that day decided in the name that is written there.
NAMED = """
UPDATE placards p SET authority_id = u.authority_id
  FROM users u
 WHERE u.id = p.decided_by AND u.authority_id <> p.authority_id
   AND NOT EXISTS (SELECT FROM entrustments e
                    WHERE e.authority_id = u.authority_id AND e.entrusted_by = p.authority_id
                      AND e.valid_from <= p.decided_on AND coalesce(e.valid_until, p.decided_on) >= p.decided_on)
   AND NOT EXISTS (SELECT FROM placards o WHERE o.authority_id = u.authority_id AND o.number = p.number)
"""
CLOCKS = """
UPDATE clocks c SET authority_id = p.authority_id FROM placards p
 WHERE c.subject_kind = 'placard' AND c.subject_id = p.id AND c.authority_id <> p.authority_id
"""


def upgrade() -> None:
    op.execute(NAMED)
    op.execute(CLOCKS)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
