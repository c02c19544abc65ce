"""Campaigns and the assignments that belong to them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261126_0214"
down_revision: str | Sequence[str] | None = "20261126_0210"


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("authority_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_campaigns_period")),
        sa.ForeignKeyConstraint(["authority_id"], ["authorities.id"], name=op.f("fk_campaigns_authority_id")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_campaigns_region_id")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_campaigns_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
    )
    op.create_index(op.f("ix_campaigns_authority_id"), "campaigns", ["authority_id"])
    op.create_index("ix_campaigns_region_id_id", "campaigns", ["region_id", "id"])
    op.create_table(
        "campaign_assignments",
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignments.id"], name=op.f("fk_campaign_assignments_assignment_id")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_assignments_campaign_id")
        ),
        sa.ForeignKeyConstraint(["added_by"], ["users.id"], name=op.f("fk_campaign_assignments_added_by")),
        sa.PrimaryKeyConstraint("assignment_id", name=op.f("pk_campaign_assignments")),
    )
    op.create_index(op.f("ix_campaign_assignments_campaign_id"), "campaign_assignments", ["campaign_id"])


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
