"""Enterprises, contacts, sites with operators and landlords, risk units, imports."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261124_1105"
down_revision: str | Sequence[str] | None = "20261124_1101"


def upgrade() -> None:
    op.create_table(
        "enterprises",
        sa.Column("uscc", sa.Text(), nullable=True),
        sa.Column("substitute_mark", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_bigrams", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("trade_code", sa.Text(), nullable=True),
        sa.Column("regulated_trades", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("size", sa.Text(), nullable=True),
        sa.Column("annual_output_fen", sa.BigInteger(), nullable=True),
        sa.Column("employees", sa.BigInteger(), nullable=True),
        sa.Column("is_labour_intensive", sa.Boolean(), nullable=False),
        sa.Column("risk_grade", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(uscc IS NULL) <> (substitute_mark IS NULL)", name=op.f("ck_enterprises_identified")
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["enterprises.id"], name=op.f("fk_enterprises_parent_id")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_enterprises_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enterprises")),
        sa.UniqueConstraint("substitute_mark", name=op.f("uq_enterprises_substitute_mark")),
        sa.UniqueConstraint("uscc", name=op.f("uq_enterprises_uscc")),
    )
    op.create_index(
        "ix_enterprises_name_bigrams", "enterprises", ["name_bigrams"], unique=False, postgresql_using="gin"
    )
    op.create_index(op.f("ix_enterprises_parent_id"), "enterprises", ["parent_id"], unique=False)
    op.create_index("ix_enterprises_region_id_id", "enterprises", ["region_id", "id"], unique=False)
    op.create_index(op.f("ix_enterprises_trade_code"), "enterprises", ["trade_code"], unique=False)
    op.create_index(
        "ix_enterprises_trades", "enterprises", ["regulated_trades"], unique=False, postgresql_using="gin"
    )
    op.create_table(
        "enterprise_contacts",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("id_number", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprises.id"], name=op.f("fk_enterprise_contacts_enterprise_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enterprise_contacts")),
    )
    op.create_index(
        op.f("ix_enterprise_contacts_enterprise_id"), "enterprise_contacts", ["enterprise_id"], unique=False
    )
    op.create_table(
        "sites",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("latitude", sa.BigInteger(), nullable=True),
        sa.Column("longitude", sa.BigInteger(), nullable=True),
        sa.Column("declared_datum", sa.Text(), nullable=True),
        sa.Column("geofence", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name=op.f("fk_sites_enterprise_id")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_sites_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sites")),
    )
    op.create_index(op.f("ix_sites_enterprise_id"), "sites", ["enterprise_id"], unique=False)
    op.create_index("ix_sites_region_id_id", "sites", ["region_id", "id"], unique=False)
    op.create_table(
        "risk_units",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_risk_units_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_units")),
        sa.UniqueConstraint("site_id", "kind", "name", name=op.f("uq_risk_units_site_id_kind_name")),
    )
    op.create_table(
        "site_links",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('operator', 'landlord')", name=op.f("ck_site_links_role")),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprises.id"], name=op.f("fk_site_links_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_site_links_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_links")),
        sa.UniqueConstraint(
            "site_id",
            "enterprise_id",
            "role",
            "valid_from",
            name=op.f("uq_site_links_site_id_enterprise_id_role_valid_from"),
        ),
    )
    op.create_index(op.f("ix_site_links_enterprise_id"), "site_links", ["enterprise_id"], unique=False)
    op.create_table(
        "enterprise_imports",
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("is_dry_run", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rows_total", sa.BigInteger(), nullable=True),
        sa.Column("rows_done", sa.BigInteger(), nullable=False),
        sa.Column("rows_created", sa.BigInteger(), nullable=False),
        sa.Column("rows_updated", sa.BigInteger(), nullable=False),
        sa.Column("rows_unchanged", sa.BigInteger(), nullable=False),
        sa.Column("errors", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_enterprise_imports_created_by")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_enterprise_imports_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enterprise_imports")),
    )
    op.create_index(
        op.f("ix_enterprise_imports_region_id"), "enterprise_imports", ["region_id"], unique=False
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
