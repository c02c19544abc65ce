"""The hazard registry: hazards, orders, steps, gapless numbers."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261124_1125"
down_revision: str | Sequence[str] | None = "20261124_1120"


def upgrade() -> None:
    op.create_table(
        "number_series",
        sa.Column("authority_id", sa.Uuid(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authorities.id"], name=op.f("fk_number_series_authority_id")
        ),
        sa.PrimaryKeyConstraint("authority_id", "word", "year", name=op.f("pk_number_series")),
    )
    op.create_table(
        "hazards",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=True),
        sa.Column("major_since", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("package_id", sa.Uuid(), nullable=True),
        sa.Column("finding_key", sa.Text(), nullable=True),
        sa.Column("item_code", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("evidence_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(level = 'major') = (clause IS NOT NULL AND major_since IS NOT NULL)",
            name=op.f("ck_hazards_major"),
        ),
        sa.CheckConstraint("level IN ('general', 'major')", name=op.f("ck_hazards_level")),
        sa.CheckConstraint(
            "source IN ('inspection', 'patrol', 'self_report', 'tip')", name=op.f("ck_hazards_source")
        ),
        sa.CheckConstraint(
            "status IN ('found', 'ordered', 'rectified', 'reinspected', 'closed')",
            name=op.f("ck_hazards_status"),
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authorities.id"], name=op.f("fk_hazards_authority_id")),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name=op.f("fk_hazards_enterprise_id")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_hazards_region_id")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_hazards_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hazards")),
        sa.UniqueConstraint("authority_id", "number", name=op.f("uq_hazards_authority_id_number")),
        sa.UniqueConstraint("package_id", "finding_key", name=op.f("uq_hazards_package_id_finding_key")),
    )
    op.create_index(op.f("ix_hazards_authority_id"), "hazards", ["authority_id"], unique=False)
    op.create_index(op.f("ix_hazards_clause"), "hazards", ["clause"], unique=False)
    op.create_index(op.f("ix_hazards_enterprise_id"), "hazards", ["enterprise_id"], unique=False)
    op.create_index(
        "ix_hazards_open_due_on",
        "hazards",
        ["region_id", "due_on"],
        unique=False,
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_index("ix_hazards_region_id_id", "hazards", ["region_id", "id"], unique=False)
    op.create_index(op.f("ix_hazards_site_id"), "hazards", ["site_id"], unique=False)
    op.create_index(op.f("ix_hazards_visit_id"), "hazards", ["visit_id"], unique=False)
    op.create_table(
        "hazard_steps",
        sa.Column("hazard_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("evidence_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("detail", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hazard_id"], ["hazards.id"], name=op.f("fk_hazard_steps_hazard_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_hazard_steps_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hazard_steps")),
    )
    op.create_index(op.f("ix_hazard_steps_hazard_id"), "hazard_steps", ["hazard_id"], unique=False)
    op.create_table(
        "rectification_orders",
        sa.Column("hazard_id", sa.Uuid(), nullable=False),
        sa.Column("authority_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.Column("day_kind", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("requirement", sa.Text(), nullable=False),
        sa.Column("issued_by", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "day_kind IN ('working', 'calendar')", name=op.f("ck_rectification_orders_day_kind")
        ),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authorities.id"], name=op.f("fk_rectification_orders_authority_id")
        ),
        sa.ForeignKeyConstraint(
            ["hazard_id"], ["hazards.id"], name=op.f("fk_rectification_orders_hazard_id")
        ),
        sa.ForeignKeyConstraint(["issued_by"], ["users.id"], name=op.f("fk_rectification_orders_issued_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rectification_orders")),
        sa.UniqueConstraint(
            "authority_id", "number", name=op.f("uq_rectification_orders_authority_id_number")
        ),
    )
    op.create_index(
        op.f("ix_rectification_orders_hazard_id"), "rectification_orders", ["hazard_id"], unique=False
    )

    for table in ("rectification_orders", "hazard_steps"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
        )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
