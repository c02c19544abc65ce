"""Fact sheets, verdicts, their verification by two officers and their confirmation."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261124_1120"
down_revision: str | Sequence[str] | None = "20261124_1115"


def upgrade() -> None:

    op.create_table(
        "fact_sheets",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("legal_on", sa.Date(), nullable=False),
        sa.Column("trades", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("ruleset", sa.Text(), nullable=True),
        sa.Column("facts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprises.id"], name=op.f("fk_fact_sheets_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_fact_sheets_region_id")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_fact_sheets_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fact_sheets")),
        sa.UniqueConstraint("package_id", name=op.f("uq_fact_sheets_package_id")),
    )
    op.create_index(op.f("ix_fact_sheets_enterprise_id"), "fact_sheets", ["enterprise_id"], unique=False)
    op.create_index(op.f("ix_fact_sheets_region_id"), "fact_sheets", ["region_id"], unique=False)
    op.create_index(op.f("ix_fact_sheets_site_id"), "fact_sheets", ["site_id"], unique=False)
    op.create_index(op.f("ix_fact_sheets_visit_id"), "fact_sheets", ["visit_id"], unique=False)
    op.create_table(
        "verdicts",
        sa.Column("fact_sheet_id", sa.Uuid(), nullable=False),
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("clause_id", sa.Text(), nullable=True),
        sa.Column("subject_kind", sa.Text(), nullable=True),
        sa.Column("subject_id", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("explanation", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("missing", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("major_from", sa.Date(), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmation_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(kind = 'unmapped') = (clause_id IS NULL)", name=op.f("ck_verdicts_clause")),
        sa.CheckConstraint(
            "(status = 'confirmed') = (major_from IS NOT NULL)", name=op.f("ck_verdicts_major_from")
        ),
        sa.CheckConstraint(
            "kind IN ('suspected_major', 'undetermined', 'not_matched', 'unmapped')",
            name=op.f("ck_verdicts_kind"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'verified_once', 'verified', 'confirmed', 'rejected')",
            name=op.f("ck_verdicts_status"),
        ),
        sa.ForeignKeyConstraint(["confirmed_by"], ["users.id"], name=op.f("fk_verdicts_confirmed_by")),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprises.id"], name=op.f("fk_verdicts_enterprise_id")
        ),
        sa.ForeignKeyConstraint(
            ["fact_sheet_id"], ["fact_sheets.id"], name=op.f("fk_verdicts_fact_sheet_id")
        ),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_verdicts_region_id")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_verdicts_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdicts")),
    )
    op.create_index(op.f("ix_verdicts_enterprise_id"), "verdicts", ["enterprise_id"], unique=False)
    op.create_index(op.f("ix_verdicts_fact_sheet_id"), "verdicts", ["fact_sheet_id"], unique=False)
    op.create_index(op.f("ix_verdicts_package_id"), "verdicts", ["package_id"], unique=False)
    op.create_index("ix_verdicts_region_id_id", "verdicts", ["region_id", "id"], unique=False)
    op.create_index(op.f("ix_verdicts_site_id"), "verdicts", ["site_id"], unique=False)
    op.create_index(op.f("ix_verdicts_visit_id"), "verdicts", ["visit_id"], unique=False)
    op.create_table(
        "verifications",
        sa.Column("verdict_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("assessment", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("assessment IN ('major', 'not_major')", name=op.f("ck_verifications_assessment")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["login_sessions.id"], name=op.f("fk_verifications_session_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_verifications_user_id")),
        sa.ForeignKeyConstraint(["verdict_id"], ["verdicts.id"], name=op.f("fk_verifications_verdict_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verifications")),
        sa.UniqueConstraint("verdict_id", "session_id", name=op.f("uq_verifications_verdict_id_session_id")),
        sa.UniqueConstraint("verdict_id", "user_id", name=op.f("uq_verifications_verdict_id_user_id")),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
