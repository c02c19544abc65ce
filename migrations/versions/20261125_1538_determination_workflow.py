"""What people make of a verdict: findings mapped by hand, every step kept; what the machine judged in short on each sheet."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_1538"
down_revision: str | Sequence[str] | None = "20261125_1530"

STATUSES = "'open', 'verified_once', 'verified', 'confirmed', 'rejected'"


def upgrade() -> None:
    op.add_column(
        "fact_sheets",
        sa.Column(
            "judged",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
    )
    op.add_column(
        "fact_sheets",
        sa.Column("for_a_person", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("fact_sheets", sa.Column("authority_id", sa.Uuid(), nullable=True))
    op.add_column(
        "fact_sheets",
        sa.Column("officer_ids", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
    )
    op.create_foreign_key(
        "fk_fact_sheets_authority_id", "fact_sheets", "authorities", ["authority_id"], ["id"]
    )
    for column in ("judged", "for_a_person", "officer_ids"):
        op.alter_column("fact_sheets", column, server_default=None)

    op.add_column("verdicts", sa.Column("mapped_clause", sa.Text(), nullable=True))
    op.drop_constraint(op.f("ck_verdicts_status"), "verdicts", type_="check")
    op.create_check_constraint(op.f("ck_verdicts_status"), "verdicts", f"status IN ({STATUSES}, 'general')")
    op.create_check_constraint(
        op.f("ck_verdicts_mapped"),
        "verdicts",
        "kind = 'unmapped' OR (mapped_clause IS NULL AND status <> 'general')",
    )
    op.create_index("ix_verdicts_clause_id_id", "verdicts", ["clause_id", "id"], unique=False)
    op.create_index(
        "ix_verdicts_undecided",
        "verdicts",
        ["region_id", "id"],
        unique=False,
        postgresql_where=sa.text("is_current AND status IN ('open', 'verified_once', 'verified')"),
    )

    op.create_table(
        "verdict_steps",
        sa.Column("verdict_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=False),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("clause", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_verdict_steps_user_id")),
        sa.ForeignKeyConstraint(["verdict_id"], ["verdicts.id"], name=op.f("fk_verdict_steps_verdict_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdict_steps")),
    )
    op.create_index(op.f("ix_verdict_steps_verdict_id"), "verdict_steps", ["verdict_id"], unique=False)

    for table in ("verdict_steps", "verifications"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
        )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
