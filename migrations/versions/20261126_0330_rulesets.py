"""Versions of the rules that the bureau writes: drafts, published ones that a trigger freezes, and the steps people took."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261126_0330"
down_revision: str | Sequence[str] | None = "20261126_0240"

FREEZE = """
CREATE FUNCTION freeze_ruleset_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a version of the rules stays' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status <> 'draft' OR NEW.id <> OLD.id OR NEW.ruleset <> OLD.ruleset OR (
        NEW.status <> 'draft' AND (
            NEW.content::text <> OLD.content::text OR NEW.cases::text <> OLD.cases::text OR NEW.content_hash <> OLD.content_hash
            OR NEW.name <> OLD.name OR NEW.base <> OLD.base OR NEW.in_force_from <> OLD.in_force_from
        )
    ) THEN
        RAISE EXCEPTION 'a published version of the rules never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "ruleset_versions",
        sa.Column("ruleset", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("in_force_from", sa.Date(), nullable=False),
        sa.Column("content", postgresql.JSON(), nullable=False),
        sa.Column("cases", postgresql.JSON(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('draft', 'published', 'withdrawn')", name=op.f("ck_ruleset_versions_status")
        ),
        sa.CheckConstraint(
            "(status = 'published') = (published_at IS NOT NULL)", name=op.f("ck_ruleset_versions_published")
        ),
        sa.CheckConstraint(
            "(published_at IS NULL) = (published_by IS NULL)", name=op.f("ck_ruleset_versions_published_by")
        ),
        sa.ForeignKeyConstraint(
            ["published_by"], ["users.id"], name=op.f("fk_ruleset_versions_published_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ruleset_versions")),
    )
    op.create_index(
        "uq_ruleset_versions_published",
        "ruleset_versions",
        ["ruleset", "name"],
        unique=True,
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_index("ix_ruleset_versions_ruleset_id", "ruleset_versions", ["ruleset", "id"])
    op.create_table(
        "ruleset_steps",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "action IN ('start', 'change', 'withdraw', 'publish', 'revoke')",
            name=op.f("ck_ruleset_steps_action"),
        ),
        sa.CheckConstraint(
            "action NOT IN ('withdraw', 'revoke') OR reason IS NOT NULL", name=op.f("ck_ruleset_steps_reason")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["ruleset_versions.id"], name=op.f("fk_ruleset_steps_version_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_ruleset_steps_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ruleset_steps")),
    )
    op.create_index(op.f("ix_ruleset_steps_version_id"), "ruleset_steps", ["version_id"])
    op.create_index(
        "uq_ruleset_steps_revoked",
        "ruleset_steps",
        ["version_id"],
        unique=True,
        postgresql_where=sa.text("action = 'revoke'"),
    )
    op.execute(FREEZE)
    op.execute(
        "CREATE TRIGGER ruleset_versions_frozen BEFORE UPDATE OR DELETE ON ruleset_versions "
        "FOR EACH ROW EXECUTE FUNCTION freeze_ruleset_version()"
    )
    op.execute(
        "CREATE TRIGGER ruleset_versions_kept BEFORE TRUNCATE ON ruleset_versions "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
    )
    op.execute(
        "CREATE TRIGGER ruleset_steps_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ruleset_steps "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
