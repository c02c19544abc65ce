"""Which of a record's packages stands, forks of corrections, and what people decide about forks and conflicts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_1915"
down_revision: str | Sequence[str] | None = "20261125_1910"

ROOTS = """
WITH RECURSIVE line AS (
    SELECT id, id AS root_id FROM packages WHERE supersedes_id IS NULL
    UNION ALL
    SELECT p.id, line.root_id FROM packages p JOIN line ON p.supersedes_id = line.id)
UPDATE packages SET root_id = line.root_id FROM line WHERE packages.id = line.id
"""
FORKS = """
UPDATE packages p SET fork = 'base_superseded', fork_status = 'open'
 WHERE EXISTS (SELECT FROM packages e WHERE e.supersedes_id = p.supersedes_id AND (e.received_at, e.id) < (p.received_at, p.id))
"""
BESIDE = """
WITH RECURSIVE beside AS (
    SELECT id FROM packages WHERE fork IS NOT NULL
    UNION
    SELECT p.id FROM packages p JOIN beside ON p.supersedes_id = beside.id)
UPDATE packages SET fork = 'base_superseded', fork_status = 'open' FROM beside WHERE packages.id = beside.id
"""
STANDING = """
UPDATE packages p SET is_standing =
    fork IS NULL AND NOT EXISTS (SELECT FROM packages r WHERE r.supersedes_id = p.id AND r.fork IS NULL)
"""


def upgrade() -> None:
    op.add_column("packages", sa.Column("root_id", sa.Uuid(), nullable=True))
    op.add_column("packages", sa.Column("is_standing", sa.Boolean(), nullable=True))
    op.add_column("packages", sa.Column("fork", sa.Text(), nullable=True))
    op.add_column("packages", sa.Column("fork_status", sa.Text(), nullable=True))
    for statement in (ROOTS, FORKS, BESIDE, STANDING):
        op.execute(statement)
    op.alter_column("packages", "root_id", existing_type=sa.Uuid(), nullable=False)
    op.alter_column("packages", "is_standing", existing_type=sa.Boolean(), nullable=False)
    checks = {
        "fork": "fork IN ('base_superseded', 'base_differs')",
        "fork_status": "fork_status IN ('open', 'chosen', 'set_aside')",
        "forked": "(fork IS NULL) = (fork_status IS NULL)",
    }
    for name, condition in checks.items():
        op.create_check_constraint(op.f(f"ck_packages_{name}"), "packages", condition)
    op.create_index("ix_packages_root_id", "packages", ["root_id"])
    op.create_index(
        "uq_packages_standing", "packages", ["root_id"], unique=True, postgresql_where=sa.text("is_standing")
    )
    op.create_index(
        "ix_packages_open_forks",
        "packages",
        ["region_id", "id"],
        postgresql_where=sa.text("fork_status = 'open'"),
    )
    _verdicts()


def _verdicts() -> None:
    op.create_table(
        "revision_verdicts",
        sa.Column("package_id", sa.Uuid(), sa.ForeignKey("packages.id"), nullable=False),
        sa.Column("replaced_id", sa.Uuid(), sa.ForeignKey("packages.id"), nullable=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("decision IN ('chosen', 'set_aside')", name=op.f("ck_revision_verdicts_decision")),
        sa.UniqueConstraint("package_id", name=op.f("uq_revision_verdicts_package_id")),
    )
    op.create_table(
        "conflict_verdicts",
        sa.Column("conflict_id", sa.Uuid(), sa.ForeignKey("package_conflicts.id"), primary_key=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "decision IN ('first_is_right', 'other_is_right', 'both_stay')",
            name=op.f("ck_conflict_verdicts_decision"),
        ),
    )
    for table in ("revision_verdicts", "conflict_verdicts"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
        )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
