"""Cases: parties, allegations, hazards taken, officers, steps and clocks; limits an authority sets itself."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_1540"
down_revision: str | Sequence[str] | None = "20261125_1539"


def upgrade() -> None:
    op.create_table(
        "authority_limits",
        sa.Column("authority_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.Column("day_kind", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("in_force_from", sa.Date(), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("day_kind IN ('working', 'calendar')", name=op.f("ck_authority_limits_day_kind")),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authorities.id"], name=op.f("fk_authority_limits_authority_id")
        ),
        sa.ForeignKeyConstraint(["set_by"], ["users.id"], name=op.f("fk_authority_limits_set_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authority_limits")),
        sa.UniqueConstraint(
            "authority_id",
            "code",
            "in_force_from",
            name=op.f("uq_authority_limits_authority_id_code_in_force_from"),
        ),
    )
    op.create_table(
        "cases",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("filing_number", sa.Text(), nullable=True),
        sa.Column("authority_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("filed_on", sa.Date(), nullable=True),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(filed_on IS NULL) = (filing_number IS NULL)", name=op.f("ck_cases_filing")),
        sa.ForeignKeyConstraint(["authority_id"], ["authorities.id"], name=op.f("fk_cases_authority_id")),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name=op.f("fk_cases_enterprise_id")),
        sa.ForeignKeyConstraint(["opened_by"], ["users.id"], name=op.f("fk_cases_opened_by")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_cases_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint(
            "authority_id", "filing_number", name=op.f("uq_cases_authority_id_filing_number")
        ),
        sa.UniqueConstraint("authority_id", "number", name=op.f("uq_cases_authority_id_number")),
    )
    op.create_index(op.f("ix_cases_enterprise_id"), "cases", ["enterprise_id"], unique=False)
    op.create_index(op.f("ix_cases_filing_number"), "cases", ["filing_number"], unique=False)
    op.create_index(op.f("ix_cases_number"), "cases", ["number"], unique=False)
    op.create_index("ix_cases_region_id_filed_on", "cases", ["region_id", "filed_on"], unique=False)
    op.create_index("ix_cases_region_id_id", "cases", ["region_id", "id"], unique=False)
    op.create_index("ix_cases_region_id_status_id", "cases", ["region_id", "status", "id"], unique=False)
    op.create_table(
        "case_claims",
        sa.Column("hazard_id", sa.Uuid(), nullable=False),
        sa.Column("penalty_code", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_claims_case_id")),
        sa.ForeignKeyConstraint(["hazard_id"], ["hazards.id"], name=op.f("fk_case_claims_hazard_id")),
        sa.PrimaryKeyConstraint("hazard_id", "penalty_code", "stage", name=op.f("pk_case_claims")),
    )
    op.create_index(op.f("ix_case_claims_case_id"), "case_claims", ["case_id"], unique=False)
    op.create_table(
        "case_clocks",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=True),
        sa.Column("day_kind", sa.Text(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("to_be_confirmed", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("day_kind IN ('working', 'calendar')", name=op.f("ck_case_clocks_day_kind")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_clocks_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_clocks")),
    )
    op.create_index(op.f("ix_case_clocks_case_id"), "case_clocks", ["case_id"], unique=False)
    op.create_index(
        "ix_case_clocks_running_due_on",
        "case_clocks",
        ["due_on"],
        unique=False,
        postgresql_where=sa.text("ended_on IS NULL"),
    )
    op.create_index(
        "uq_case_clocks_running",
        "case_clocks",
        ["case_id", "code"],
        unique=True,
        postgresql_where=sa.text("ended_on IS NULL"),
    )
    op.create_table(
        "case_hazards",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("hazard_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("site_name", sa.Text(), nullable=False),
        sa.Column("site_address", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_hazards_case_id")),
        sa.ForeignKeyConstraint(["hazard_id"], ["hazards.id"], name=op.f("fk_case_hazards_hazard_id")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_case_hazards_site_id")),
        sa.PrimaryKeyConstraint("case_id", "hazard_id", name=op.f("pk_case_hazards")),
    )
    op.create_index(op.f("ix_case_hazards_hazard_id"), "case_hazards", ["hazard_id"], unique=False)
    op.create_table(
        "case_officers",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("certificate_number", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_officers_case_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_case_officers_user_id")),
        sa.PrimaryKeyConstraint("case_id", "user_id", name=op.f("pk_case_officers")),
    )
    op.create_index(op.f("ix_case_officers_user_id"), "case_officers", ["user_id"], unique=False)
    op.create_table(
        "case_parties",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("enterprise_id", sa.Uuid(), nullable=True),
        sa.Column("capacity", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("id_kind", sa.Text(), nullable=True),
        sa.Column("id_number", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("post", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'entity') = (enterprise_id IS NOT NULL)", name=op.f("ck_case_parties_entity")
        ),
        sa.CheckConstraint("(kind = 'person') = (capacity IS NOT NULL)", name=op.f("ck_case_parties_person")),
        sa.CheckConstraint("kind IN ('person', 'entity')", name=op.f("ck_case_parties_kind")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_parties_case_id")),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprises.id"], name=op.f("fk_case_parties_enterprise_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_parties")),
        sa.UniqueConstraint("case_id", "label", name=op.f("uq_case_parties_case_id_label")),
    )
    op.create_table(
        "case_steps",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("detail", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_steps_case_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_case_steps_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_steps")),
    )
    op.create_index(op.f("ix_case_steps_case_id"), "case_steps", ["case_id"], unique=False)
    op.create_table(
        "case_allegations",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("facts_on", sa.Date(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("violated_document", sa.Text(), nullable=True),
        sa.Column("violated_version", sa.Text(), nullable=True),
        sa.Column("violated_title", sa.Text(), nullable=False),
        sa.Column("violated_article", sa.Text(), nullable=False),
        sa.Column("penalty_code", sa.Text(), nullable=False),
        sa.Column("penalty_document", sa.Text(), nullable=False),
        sa.Column("penalty_version", sa.Text(), nullable=False),
        sa.Column("penalty_article", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("to_be_confirmed", sa.Boolean(), nullable=False),
        sa.Column("hazard_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("stage IN ('first', 'overdue')", name=op.f("ck_case_allegations_stage")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_allegations_case_id")),
        sa.ForeignKeyConstraint(["party_id"], ["case_parties.id"], name=op.f("fk_case_allegations_party_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_allegations")),
        sa.UniqueConstraint("case_id", "position", name=op.f("uq_case_allegations_case_id_position")),
    )
    op.create_index(op.f("ix_case_allegations_party_id"), "case_allegations", ["party_id"], unique=False)

    for table in ("case_hazards", "case_steps", "authority_limits"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
        )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
