"""The change feed recognises its database by more than before; where it is still the one it knew, that is no restore."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261126_0621"
down_revision: str | Sequence[str] | None = "20261126_0605"

SERVER = """
SELECT format('%s/%s/%s', system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()),
              (SELECT timeline_id FROM pg_control_checkpoint())) AS known,
       CAST(CAST('change_feed' AS regclass) AS oid) AS feed,
       has_function_privilege('pg_stat_file(text)', 'execute') AS may_look
  FROM pg_control_system()
"""
LAID_DOWN = "SELECT CAST(extract(epoch FROM change) AS bigint) FROM pg_stat_file('PG_VERSION')"


def upgrade() -> None:
    connection = op.get_bind()
    known, feed, may_look = connection.execute(sa.text(SERVER)).one()
    named = f"{known}/{feed}"
    if may_look:
        named += f"/{connection.execute(sa.text(LAID_DOWN)).scalar_one()}"
    connection.execute(
        sa.text("UPDATE change_feed SET server = :named WHERE server = :known"),
        {"named": named, "known": known},
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
