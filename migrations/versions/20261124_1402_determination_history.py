"""What was said of a visit stays: sheets per package or desk answer, verdicts that replace one another, majors by clause."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261124_1402"
down_revision: str | Sequence[str] | None = "20261124_1125"


def upgrade() -> None:
    op.alter_column("fact_sheets", "package_id", existing_type=sa.Uuid(), nullable=True)
    op.add_column("fact_sheets", sa.Column("root_package_id", sa.Uuid(), nullable=True))
    op.execute("UPDATE fact_sheets SET root_package_id = package_id")
    op.add_column(
        "fact_sheets", sa.Column("is_superseded", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "fact_sheets",
        sa.Column(
            "findings",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
    )
    op.add_column("fact_sheets", sa.Column("stated_by", sa.Uuid(), nullable=True))
    op.add_column("fact_sheets", sa.Column("note", sa.Text(), nullable=True))
    op.create_foreign_key("fk_fact_sheets_stated_by", "fact_sheets", "users", ["stated_by"], ["id"])

    op.alter_column("verdicts", "package_id", existing_type=sa.Uuid(), nullable=True)
    op.add_column("verdicts", sa.Column("is_current", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("verdicts", sa.Column("replaces_id", sa.Uuid(), nullable=True))
    op.add_column("verdicts", sa.Column("major_clause", sa.Text(), nullable=True))
    op.execute("UPDATE verdicts SET major_clause = coalesce(clause_id, source) WHERE status = 'confirmed'")
    op.create_check_constraint(
        op.f("ck_verdicts_major_clause"), "verdicts", "status <> 'confirmed' OR major_clause IS NOT NULL"
    )
    op.add_column("verifications", sa.Column("clause_id", sa.Text(), nullable=True))
    for table, column in (
        ("fact_sheets", "is_superseded"),
        ("fact_sheets", "findings"),
        ("verdicts", "is_current"),
    ):
        op.alter_column(table, column, server_default=None)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
