"""Assignments, visits, sealed packages and their intake, signatures, findings, receipts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

SEALED_FUNCTION = """
CREATE FUNCTION refuse_other_bytes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.sealed IS DISTINCT FROM OLD.sealed OR NEW.sha256 IS DISTINCT FROM OLD.sha256 THEN
        RAISE EXCEPTION 'a sealed package is never altered' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""

revision: str = "20261124_1110"
down_revision: str | Sequence[str] | None = "20261124_1107"


def upgrade() -> None:
    op.create_table(
        "assignments",
        sa.Column("authority_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("planned_from", sa.Date(), nullable=False),
        sa.Column("planned_until", sa.Date(), nullable=False),
        sa.Column("template_version_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("hazard_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('inspection', 'reinspection')", name=op.f("ck_assignments_kind")),
        sa.CheckConstraint(
            "status IN ('assigned', 'visited', 'cancelled')", name=op.f("ck_assignments_status")
        ),
        sa.CheckConstraint("planned_until >= planned_from", name=op.f("ck_assignments_period")),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authorities.id"], name=op.f("fk_assignments_authority_id")
        ),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_assignments_created_by")),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprises.id"], name=op.f("fk_assignments_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_assignments_region_id")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_assignments_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
    )
    op.create_index(op.f("ix_assignments_authority_id"), "assignments", ["authority_id"], unique=False)
    op.create_index(op.f("ix_assignments_enterprise_id"), "assignments", ["enterprise_id"], unique=False)
    op.create_index("ix_assignments_region_id_id", "assignments", ["region_id", "id"], unique=False)
    op.create_index(op.f("ix_assignments_site_id"), "assignments", ["site_id"], unique=False)
    op.create_table(
        "assignment_members",
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignments.id"], name=op.f("fk_assignment_members_assignment_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_assignment_members_user_id")),
        sa.PrimaryKeyConstraint("assignment_id", "user_id", name=op.f("pk_assignment_members")),
    )
    op.create_index(op.f("ix_assignment_members_user_id"), "assignment_members", ["user_id"], unique=False)
    op.create_table(
        "package_intakes",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "status IN ('received', 'processed', 'quarantined')", name=op.f("ck_package_intakes_status")
        ),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_package_intakes_device_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_package_intakes_user_id")),
        sa.PrimaryKeyConstraint("package_id", name=op.f("pk_package_intakes")),
    )
    op.create_index(op.f("ix_package_intakes_device_id"), "package_intakes", ["device_id"], unique=False)
    op.create_index(
        "ix_package_intakes_unprocessed",
        "package_intakes",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("status = 'received'"),
    )
    op.create_table(
        "visits",
        sa.Column("assignment_id", sa.Uuid(), nullable=True),
        sa.Column("authority_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("visited_on", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('inspection', 'reinspection')", name=op.f("ck_visits_kind")),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignments.id"], name=op.f("fk_visits_assignment_id")),
        sa.ForeignKeyConstraint(["authority_id"], ["authorities.id"], name=op.f("fk_visits_authority_id")),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name=op.f("fk_visits_enterprise_id")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_visits_region_id")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_visits_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits")),
    )
    op.create_index(op.f("ix_visits_assignment_id"), "visits", ["assignment_id"], unique=False)
    op.create_index(op.f("ix_visits_authority_id"), "visits", ["authority_id"], unique=False)
    op.create_index(op.f("ix_visits_enterprise_id"), "visits", ["enterprise_id"], unique=False)
    op.create_index("ix_visits_region_id_id", "visits", ["region_id", "id"], unique=False)
    op.create_index("ix_visits_region_id_visited_on", "visits", ["region_id", "visited_on"], unique=False)
    op.create_index(op.f("ix_visits_site_id"), "visits", ["site_id"], unique=False)
    op.create_table(
        "package_conflicts",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_package_conflicts_device_id")),
        sa.ForeignKeyConstraint(
            ["package_id"], ["package_intakes.package_id"], name=op.f("fk_package_conflicts_package_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_package_conflicts_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_package_conflicts")),
        sa.UniqueConstraint("package_id", "sha256", name=op.f("uq_package_conflicts_package_id_sha256")),
    )
    op.create_table(
        "packages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("schema", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("supersedes_id", sa.Uuid(), nullable=True),
        sa.Column("supersedes_reason", sa.Text(), nullable=True),
        sa.Column("template_version_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("officer_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("answers", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("party", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("times", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("position", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("issues", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("is_signable", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_packages_device_id")),
        sa.ForeignKeyConstraint(["id"], ["package_intakes.package_id"], name=op.f("fk_packages_id")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_packages_region_id")),
        sa.ForeignKeyConstraint(["supersedes_id"], ["packages.id"], name=op.f("fk_packages_supersedes_id")),
        sa.ForeignKeyConstraint(
            ["template_version_id"], ["template_versions.id"], name=op.f("fk_packages_template_version_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_packages_user_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name=op.f("fk_packages_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packages")),
    )
    op.create_index(op.f("ix_packages_device_id"), "packages", ["device_id"], unique=False)
    op.create_index("ix_packages_region_id_id", "packages", ["region_id", "id"], unique=False)
    op.create_index(op.f("ix_packages_supersedes_id"), "packages", ["supersedes_id"], unique=False)
    op.create_index(
        op.f("ix_packages_template_version_id"), "packages", ["template_version_id"], unique=False
    )
    op.create_index(op.f("ix_packages_user_id"), "packages", ["user_id"], unique=False)
    op.create_index(op.f("ix_packages_visit_id"), "packages", ["visit_id"], unique=False)
    op.create_table(
        "findings",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("evidence_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_findings_package_id")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_findings_region_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name=op.f("fk_findings_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
        sa.UniqueConstraint("package_id", "key", name=op.f("uq_findings_package_id_key")),
    )
    op.create_index("ix_findings_region_id_id", "findings", ["region_id", "id"], unique=False)
    op.create_index(op.f("ix_findings_visit_id"), "findings", ["visit_id"], unique=False)
    op.create_table(
        "package_signatures",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_package_signatures_device_id")),
        sa.ForeignKeyConstraint(
            ["package_id"], ["packages.id"], name=op.f("fk_package_signatures_package_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_package_signatures_user_id")),
        sa.PrimaryKeyConstraint("package_id", "user_id", name=op.f("pk_package_signatures")),
    )
    op.create_table(
        "receipts",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_receipts_device_id")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_receipts_package_id")),
        sa.PrimaryKeyConstraint("package_id", name=op.f("pk_receipts")),
        sa.UniqueConstraint("sha256", name=op.f("uq_receipts_sha256")),
    )
    op.create_index(op.f("ix_receipts_device_id"), "receipts", ["device_id"], unique=False)

    for table in ("package_conflicts", "package_signatures", "receipts"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
        )
    op.execute(SEALED_FUNCTION)
    op.execute(
        "CREATE TRIGGER package_intakes_sealed BEFORE UPDATE OR DELETE ON package_intakes "
        "FOR EACH ROW EXECUTE FUNCTION refuse_other_bytes()"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
