"""What revoked phones hand in, and what a person decided about packages that were set aside."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_1830"
down_revision: str | Sequence[str] | None = "20261125_1715"

NEVER_OTHERWISE = """
CREATE FUNCTION refuse_other_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.kind, NEW.object_id, NEW.package_id, NEW.device_id, NEW.user_id, NEW.sha256, NEW.size,
                            NEW.sealed, NEW.signature, NEW.storage_key, NEW.note, NEW.received_at)
       IS DISTINCT FROM (OLD.kind, OLD.object_id, OLD.package_id, OLD.device_id, OLD.user_id, OLD.sha256, OLD.size,
                         OLD.sealed, OLD.signature, OLD.storage_key, OLD.note, OLD.received_at) THEN
        RAISE EXCEPTION 'what was handed in is never altered' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "intake_deliveries",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("signature", sa.Text(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("storage_key", sa.Text(), nullable=True),
        sa.Column("said_at", sa.Text(), nullable=True),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("carried_by", sa.Uuid(), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('package', 'evidence')", name=op.f("ck_intake_deliveries_kind")
        ),
        sa.CheckConstraint(
            "status IN ('waiting', 'released', 'rejected')", name=op.f("ck_intake_deliveries_status")
        ),
        sa.CheckConstraint(
            "CASE kind WHEN 'package' THEN sealed IS NOT NULL AND signature IS NOT NULL ELSE storage_key IS NOT NULL END",
            name=op.f("ck_intake_deliveries_bytes"),
        ),
        sa.CheckConstraint(
            "(status = 'waiting') = (decided_at IS NULL)", name=op.f("ck_intake_deliveries_decided")
        ),
        sa.ForeignKeyConstraint(["carried_by"], ["users.id"], name=op.f("fk_intake_deliveries_carried_by")),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_intake_deliveries_decided_by")),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_intake_deliveries_device_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_intake_deliveries_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_deliveries")),
        sa.UniqueConstraint(
            "device_id", "kind", "object_id", "sha256",
            name=op.f("uq_intake_deliveries_device_id_kind_object_id_sha256"),
        ),
    )  # fmt: skip
    op.create_index(
        "ix_intake_deliveries_waiting", "intake_deliveries", ["received_at", "id"],
        postgresql_where=sa.text("status = 'waiting'"),
    )  # fmt: skip
    op.create_index("ix_intake_deliveries_package_id", "intake_deliveries", ["package_id"])
    op.create_index("ix_intake_deliveries_user_id_id", "intake_deliveries", ["user_id", "id"])
    op.create_index(op.f("ix_intake_deliveries_storage_key"), "intake_deliveries", ["storage_key"])
    op.execute(NEVER_OTHERWISE)
    op.execute(
        "CREATE TRIGGER intake_deliveries_sealed BEFORE UPDATE OR DELETE ON intake_deliveries "
        "FOR EACH ROW EXECUTE FUNCTION refuse_other_delivery()"
    )

    op.add_column("package_intakes", sa.Column("origin", sa.Text(), server_default="door", nullable=False))
    op.add_column(
        "package_intakes", sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False)
    )
    op.add_column("package_intakes", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("package_intakes", sa.Column("decided_by", sa.Uuid(), nullable=True))
    op.add_column("package_intakes", sa.Column("decision_reason", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_package_intakes_decided_by"), "package_intakes", "users", ["decided_by"], ["id"]
    )
    op.create_check_constraint(
        op.f("ck_package_intakes_origin"), "package_intakes", "origin IN ('door', 'intake')"
    )
    op.drop_constraint(op.f("ck_package_intakes_status"), "package_intakes", type_="check")
    op.create_check_constraint(
        op.f("ck_package_intakes_status"),
        "package_intakes",
        "status IN ('received', 'processed', 'quarantined', 'rejected')",
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
