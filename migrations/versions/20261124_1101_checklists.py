"""Checklist templates and their versions; published versions are kept from changing."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

FREEZE_FUNCTION = """
CREATE FUNCTION freeze_published_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.status = 'draft' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'a published version of a checklist stays' USING ERRCODE = 'restrict_violation';
    END IF;
    IF (OLD.status, NEW.status) NOT IN (
        ('draft', 'draft'), ('draft', 'published'), ('published', 'published'), ('published', 'withdrawn'),
        ('withdrawn', 'withdrawn')
    ) OR NEW.template_id <> OLD.template_id OR NEW.number <> OLD.number OR (
        OLD.status <> 'draft' AND
        to_jsonb(NEW) - ARRAY['status', 'version', 'updated_at', 'withdrawn_at', 'withdrawn_by', 'withdrawn_reason']
        <> to_jsonb(OLD) - ARRAY['status', 'version', 'updated_at', 'withdrawn_at', 'withdrawn_by', 'withdrawn_reason']
    ) OR (
        OLD.status = 'withdrawn' AND to_jsonb(NEW) <> to_jsonb(OLD)
    ) THEN
        RAISE EXCEPTION 'a published version of a checklist never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""

revision: str = "20261124_1101"
down_revision: str | Sequence[str] | None = "20261124_1000"


def upgrade() -> None:
    op.create_table(
        "templates",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
        sa.UniqueConstraint("code", name=op.f("uq_templates_code")),
    )
    op.create_table(
        "template_versions",
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("in_force_from", sa.Date(), nullable=False),
        sa.Column("body", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(status = 'draft') = (published_at IS NULL)", name=op.f("ck_template_versions_published")
        ),
        sa.CheckConstraint(
            "(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name=op.f("ck_template_versions_withdrawn")
        ),
        sa.CheckConstraint("origin IN ('shipped', 'console')", name=op.f("ck_template_versions_origin")),
        sa.CheckConstraint(
            "status IN ('draft', 'published', 'withdrawn')", name=op.f("ck_template_versions_status")
        ),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_template_versions_created_by")),
        sa.ForeignKeyConstraint(
            ["published_by"], ["users.id"], name=op.f("fk_template_versions_published_by")
        ),
        sa.ForeignKeyConstraint(
            ["template_id"], ["templates.id"], name=op.f("fk_template_versions_template_id")
        ),
        sa.ForeignKeyConstraint(
            ["withdrawn_by"], ["users.id"], name=op.f("fk_template_versions_withdrawn_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template_versions")),
        sa.UniqueConstraint("template_id", "number", name=op.f("uq_template_versions_template_id_number")),
    )
    op.create_index("ix_template_versions_status_id", "template_versions", ["status", "id"], unique=False)
    op.create_index(
        "uq_template_versions_content_hash",
        "template_versions",
        ["content_hash"],
        unique=True,
        postgresql_where=sa.text("status <> 'draft'"),
    )
    op.execute(FREEZE_FUNCTION)
    op.execute(
        "CREATE TRIGGER template_versions_frozen BEFORE UPDATE OR DELETE ON template_versions "
        "FOR EACH ROW EXECUTE FUNCTION freeze_published_version()"
    )
    op.execute(
        "CREATE TRIGGER template_versions_kept BEFORE TRUNCATE ON template_versions "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
