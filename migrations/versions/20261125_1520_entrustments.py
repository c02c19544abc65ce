"""Entrustments become dated rows of their own, so that a past day still knows in whose name an authority acted; brigades end."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_1520"
down_revision: str | Sequence[str] | None = "20261125_1500"


def upgrade() -> None:
    op.create_table(
        "entrustments",
        sa.Column("authority_id", sa.Uuid(), nullable=False),
        sa.Column("entrusted_by", sa.Uuid(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authorities.id"], name=op.f("fk_entrustments_authority_id")
        ),
        sa.ForeignKeyConstraint(
            ["entrusted_by"], ["authorities.id"], name=op.f("fk_entrustments_entrusted_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entrustments")),
        sa.UniqueConstraint(
            "authority_id", "valid_from", name=op.f("uq_entrustments_authority_id_valid_from")
        ),
    )
    op.create_index(op.f("ix_entrustments_entrusted_by"), "entrustments", ["entrusted_by"], unique=False)
    op.execute(
        "INSERT INTO entrustments (id, created_at, authority_id, entrusted_by, basis, valid_from, valid_until) "
        "SELECT gen_random_uuid(), now(), id, entrusted_by, coalesce(entrustment_basis, ''), "
        "coalesce(entrusted_from, valid_from), entrusted_until FROM authorities WHERE entrusted_by <> id"
    )
    op.drop_index(op.f("ix_authorities_entrusted_by"), table_name="authorities")
    op.drop_constraint(op.f("fk_authorities_entrusted_by"), "authorities", type_="foreignkey")
    for column in ("entrusted_by", "entrusted_from", "entrusted_until", "entrustment_basis"):
        op.drop_column("authorities", column)
    op.add_column("brigades", sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.alter_column("brigades", "is_active", server_default=None)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
