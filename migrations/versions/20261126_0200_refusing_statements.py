"""A statement that is its own transaction can refuse itself: refuse_unless(condition)."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261126_0200"
down_revision: str | Sequence[str] | None = "20261125_2356"

# 40001, serialization_failure: somebody came first, begin again with what is there now.
REFUSE_UNLESS = """
CREATE FUNCTION refuse_unless(condition boolean) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF condition IS NOT TRUE THEN
        RAISE EXCEPTION 'what this statement rests on has changed' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN true;
END $$
"""


def upgrade() -> None:
    op.execute(REFUSE_UNLESS)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
