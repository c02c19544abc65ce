"""Hazards that no visit found: what they were registered from, and who gave a tip, encrypted."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_2301"
down_revision: str | Sequence[str] | None = "20261125_2259"


def upgrade() -> None:
    op.drop_constraint(op.f("ck_hazards_source"), "hazards", type_="check")
    op.create_check_constraint(
        op.f("ck_hazards_source"),
        "hazards",
        "source IN ('inspection', 'patrol', 'self_report', 'tip', 'transfer')",
    )
    op.create_table(
        "hazard_reports",
        sa.Column("hazard_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("from_authority", sa.Text(), nullable=True),
        sa.Column("whistle_id", sa.Uuid(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_by", sa.Uuid(), nullable=True),
        sa.Column("suspected_clauses", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("suspected_by", sa.Text(), nullable=True),
        sa.Column("facts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "source IN ('patrol', 'self_report', 'tip', 'transfer')", name=op.f("ck_hazard_reports_source")
        ),
        sa.CheckConstraint(
            "(source = 'patrol') = (whistle_id IS NOT NULL)", name=op.f("ck_hazard_reports_whistle")
        ),
        sa.CheckConstraint(
            "suspected_by IN ('machine', 'person')", name=op.f("ck_hazard_reports_suspected_by")
        ),
        sa.CheckConstraint(
            "(suspected_by IS NULL) = (suspected_clauses = '{}')", name=op.f("ck_hazard_reports_suspicion")
        ),
        sa.ForeignKeyConstraint(["hazard_id"], ["hazards.id"], name=op.f("fk_hazard_reports_hazard_id")),
        sa.ForeignKeyConstraint(["reported_by"], ["users.id"], name=op.f("fk_hazard_reports_reported_by")),
        sa.PrimaryKeyConstraint("hazard_id", name=op.f("pk_hazard_reports")),
        sa.UniqueConstraint("whistle_id", name=op.f("uq_hazard_reports_whistle_id")),
    )
    op.create_table(
        "hazard_informants",
        sa.Column("hazard_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["hazard_id"], ["hazard_reports.hazard_id"], name=op.f("fk_hazard_informants_hazard_id")
        ),
        sa.PrimaryKeyConstraint("hazard_id", name=op.f("pk_hazard_informants")),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hazard_reports "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
