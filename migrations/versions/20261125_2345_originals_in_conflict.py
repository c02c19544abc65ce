"""An original stays while a person must judge other bytes under its package's id: they may be what declares it."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261125_2345"
down_revision: str | Sequence[str] | None = "20261125_2344"

ORIGINAL_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_other_original() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.is_claimed OR OLD.received_at > now() - interval '90 days'
           OR EXISTS (SELECT FROM package_intakes WHERE package_id = OLD.package_id
                         AND (status IN ('received', 'quarantined') OR decided_at > now() - interval '90 days'))
           OR EXISTS (SELECT FROM intake_deliveries WHERE kind = 'package' AND package_id = OLD.package_id
                         AND (status = 'waiting' OR decided_at > now() - interval '90 days'))
           OR EXISTS (SELECT FROM package_conflicts c LEFT JOIN conflict_verdicts v ON v.conflict_id = c.id
                       WHERE c.package_id = OLD.package_id
                         AND (v.conflict_id IS NULL OR v.created_at > now() - interval '90 days')) THEN
            RAISE EXCEPTION 'an original is never removed' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF (NEW.sha256, NEW.size, NEW.storage_key) IS DISTINCT FROM (OLD.sha256, OLD.size, OLD.storage_key)
       OR (NEW.id <> OLD.id AND (OLD.is_claimed OR NEW.is_claimed)) OR (OLD.is_claimed AND NOT NEW.is_claimed) THEN
        RAISE EXCEPTION 'an original is never altered' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute(ORIGINAL_FUNCTION)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
