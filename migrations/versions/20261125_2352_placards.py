"""Placards of hazards: warnings and supervised listings, with their history."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_2352"
down_revision: str | Sequence[str] | None = "20261125_2345"

REFERENCES = (
    ("hazard_id", "hazards"), ("authority_id", "authorities"), ("enterprise_id", "enterprises"), ("site_id", "sites"),
    ("region_id", "regions"), ("contact_id", "enterprise_contacts"), ("supervisor_id", "users"), ("decided_by", "users"),
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "placards",
        *(sa.Column(name, sa.Uuid(), nullable=name == "decided_by") for name, _ in REFERENCES),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.Column("requirement", sa.Text(), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("public_token", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('proposed', 'in_force', 'refused', 'removed', 'withdrawn')",
            name=op.f("ck_placards_status"),
        ),
        sa.CheckConstraint("(number IS NULL) = (decided_on IS NULL)", name=op.f("ck_placards_decision")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_placards_{column}"))
            for column, table in REFERENCES
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placards")),
        sa.UniqueConstraint("authority_id", "number", name=op.f("uq_placards_authority_id_number")),
        sa.UniqueConstraint("public_token", name=op.f("uq_placards_public_token")),
    )
    op.create_index("ix_placards_region_id_id", "placards", ["region_id", "id"])
    op.create_index(op.f("ix_placards_enterprise_id"), "placards", ["enterprise_id"])
    op.create_index(
        "uq_placards_standing",
        "placards",
        ["hazard_id", "kind"],
        unique=True,
        postgresql_where=sa.text("status IN ('proposed', 'in_force')"),
    )
    op.create_table(
        "placard_steps",
        sa.Column("placard_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["placard_id"], ["placards.id"], name=op.f("fk_placard_steps_placard_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_placard_steps_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placard_steps")),
    )
    op.create_index(op.f("ix_placard_steps_placard_id"), "placard_steps", ["placard_id"])


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
