"""Versions of rules: the document each follows in a column of its own, so that a list reads no content."""

import json
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261126_0410"
down_revision: str | Sequence[str] | None = "20261126_0400"

FREEZE = """
CREATE OR REPLACE FUNCTION freeze_ruleset_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a version of the rules stays' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status <> 'draft' OR NEW.id <> OLD.id OR NEW.ruleset <> OLD.ruleset OR (
        NEW.status <> 'draft' AND (
            NEW.content::text <> OLD.content::text OR NEW.cases::text <> OLD.cases::text OR NEW.content_hash <> OLD.content_hash
            OR NEW.source::text <> OLD.source::text
            OR NEW.name <> OLD.name OR NEW.base <> OLD.base OR NEW.in_force_from <> OLD.in_force_from
        )
    ) THEN
        RAISE EXCEPTION 'a published version of the rules never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
_TRIGGER = "ALTER TABLE ruleset_versions {} TRIGGER ruleset_versions_frozen"


def upgrade() -> None:
    op.add_column("ruleset_versions", sa.Column("source", postgresql.JSON(), nullable=True))
    op.execute(_TRIGGER.format("DISABLE"))
    connection = op.get_bind()
    written = connection.execute(sa.text("SELECT id, content::text FROM ruleset_versions")).all()
    for identifier, content in written:  # PostgreSQL itself cannot take apart JSON with a NUL in a text
        source = json.dumps(
            json.loads(content).get("head", {}).get("source", {}), ensure_ascii=False
        ).replace("\\u0000", "")
        connection.execute(
            sa.text("UPDATE ruleset_versions SET source = CAST(:source AS json) WHERE id = :id"),
            {"source": source, "id": identifier},
        )
    op.execute(_TRIGGER.format("ENABLE"))
    op.alter_column("ruleset_versions", "source", nullable=False)
    op.execute(FREEZE)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
