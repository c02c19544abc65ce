"""Patrols and whistles: packages and visits of an assistant's kinds, their records, and what became of a whistle."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_1539"
down_revision: str | Sequence[str] | None = "20261125_1538"

KINDS = "kind IN ('inspection', 'reinspection', 'patrol', 'whistle')"
JSON = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())


def upgrade() -> None:
    op.drop_constraint(op.f("ck_visits_kind"), "visits", type_="check")
    op.create_check_constraint(op.f("ck_visits_kind"), "visits", KINDS)
    op.alter_column("packages", "template_version_id", existing_type=sa.Uuid(), nullable=True)
    op.alter_column("packages", "party", existing_type=JSON, nullable=True)
    op.create_check_constraint(op.f("ck_packages_kind"), "packages", KINDS)
    op.create_check_constraint(
        op.f("ck_packages_enforcement"),
        "packages",
        "kind NOT IN ('inspection', 'reinspection') OR (template_version_id IS NOT NULL AND party IS NOT NULL)",
    )
    op.create_index(op.f("ix_package_conflicts_device_id"), "package_conflicts", ["device_id"])
    op.create_index(
        "ix_package_intakes_quarantined",
        "package_intakes",
        ["device_id"],
        postgresql_where=sa.text("status = 'quarantined'"),
    )
    _patrols()
    _whistles()


def _place() -> list[sa.Column[object]]:
    """Where and by whom, in both tables."""
    references = {
        "visit_id": "visits",
        "authority_id": "authorities",
        "enterprise_id": "enterprises",
        "site_id": "sites",
        "region_id": "regions",
        "user_id": "users",
    }
    return [
        sa.Column(column, sa.Uuid(), sa.ForeignKey(f"{table}.id"), nullable=False)
        for column, table in references.items()
    ]


def _indexes(table: str) -> None:
    for column in ("visit_id", "enterprise_id", "site_id", "supersedes_id"):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.create_index(f"ix_{table}_region_id_id", table, ["region_id", "id"])
    op.create_index(f"ix_{table}_user_id_id", table, ["user_id", "id"])


def _patrols() -> None:
    op.create_table(
        "patrols",
        sa.Column("id", sa.Uuid(), sa.ForeignKey("packages.id"), primary_key=True),
        *_place(),
        sa.Column("patrolled_on", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("points", JSON, nullable=False),
        sa.Column("abnormal_points", sa.BigInteger(), nullable=False),
        sa.Column("evidence_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("supersedes_id", sa.Uuid(), sa.ForeignKey("patrols.id"), nullable=True),
        sa.Column("is_superseded", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    _indexes("patrols")


def _whistles() -> None:
    op.create_table(
        "whistles",
        sa.Column("id", sa.Uuid(), sa.ForeignKey("packages.id"), primary_key=True),
        *_place(),
        sa.Column("raised_on", sa.Date(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("urgency", sa.Text(), nullable=False),
        sa.Column("evidence_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("handling_visit_id", sa.Uuid(), sa.ForeignKey("visits.id"), nullable=True),
        sa.Column("supersedes_id", sa.Uuid(), sa.ForeignKey("whistles.id"), nullable=True),
        sa.Column("is_superseded", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('raised', 'acknowledged', 'handled', 'dismissed')", name=op.f("ck_whistles_status")
        ),
        sa.CheckConstraint("urgency IN ('normal', 'urgent', 'immediate')", name=op.f("ck_whistles_urgency")),
    )
    _indexes("whistles")
    op.create_index(
        "ix_whistles_open",
        "whistles",
        ["region_id", "id"],
        postgresql_where=sa.text("status IN ('raised', 'acknowledged') AND NOT is_superseded"),
    )
    op.create_table(
        "whistle_steps",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("whistle_id", sa.Uuid(), sa.ForeignKey("whistles.id"), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id"), nullable=True),
        sa.Column("visit_id", sa.Uuid(), sa.ForeignKey("visits.id"), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index(op.f("ix_whistle_steps_whistle_id"), "whistle_steps", ["whistle_id"])


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
