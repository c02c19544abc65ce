"""On-site measures with their hazards, officers and history."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_2248"
down_revision: str | Sequence[str] | None = "20261125_2247"


def _references(table: str, **targets: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))
        for column, target in targets.items()
    ]


def upgrade() -> None:
    op.create_table(
        "onsite_measures",
        sa.Column("authority_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("is_oral_first", sa.Boolean(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(number IS NULL) = (decided_on IS NULL)", name=op.f("ck_onsite_measures_decision")
        ),
        *_references(
            "onsite_measures", authority_id="authorities", enterprise_id="enterprises", site_id="sites",
            region_id="regions",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_onsite_measures")),
        sa.UniqueConstraint("authority_id", "number", name=op.f("uq_onsite_measures_authority_id_number")),
    )  # fmt: skip
    op.create_index("ix_onsite_measures_region_id_id", "onsite_measures", ["region_id", "id"])
    op.create_index(op.f("ix_onsite_measures_enterprise_id"), "onsite_measures", ["enterprise_id"])
    op.create_index(op.f("ix_onsite_measures_site_id"), "onsite_measures", ["site_id"])
    op.create_table(
        "onsite_measure_hazards",
        sa.Column("measure_id", sa.Uuid(), nullable=False),
        sa.Column("hazard_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *_references("onsite_measure_hazards", measure_id="onsite_measures", hazard_id="hazards"),
        sa.PrimaryKeyConstraint("measure_id", "hazard_id", name=op.f("pk_onsite_measure_hazards")),
    )
    op.create_index(op.f("ix_onsite_measure_hazards_hazard_id"), "onsite_measure_hazards", ["hazard_id"])
    op.create_table(
        "onsite_measure_officers",
        sa.Column("measure_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("certificate_number", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *_references("onsite_measure_officers", measure_id="onsite_measures", user_id="users"),
        sa.PrimaryKeyConstraint("measure_id", "user_id", name=op.f("pk_onsite_measure_officers")),
    )
    op.create_index(op.f("ix_onsite_measure_officers_user_id"), "onsite_measure_officers", ["user_id"])
    op.create_table(
        "onsite_measure_steps",
        sa.Column("measure_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("evidence_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *_references("onsite_measure_steps", measure_id="onsite_measures", user_id="users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_onsite_measure_steps")),
    )
    op.create_index(op.f("ix_onsite_measure_steps_measure_id"), "onsite_measure_steps", ["measure_id"])
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON onsite_measure_steps "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
