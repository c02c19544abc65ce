"""Initial passwords with an end, reasons of revocations, numbered client secrets; people are found by name and login."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_1610"
down_revision: str | Sequence[str] | None = "20261125_1600"


def upgrade() -> None:
    op.add_column("users", sa.Column("initial_password_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_users_name", "users", ["name"], unique=False, postgresql_ops={"name": "text_pattern_ops"}
    )
    op.create_index(
        "ix_users_login", "users", ["login"], unique=False, postgresql_ops={"login": "text_pattern_ops"}
    )
    op.add_column("officer_certificates", sa.Column("revoked_reason", sa.Text(), nullable=True))
    op.create_index(
        op.f("ix_officer_certificates_valid_until"), "officer_certificates", ["valid_until"], unique=False
    )
    op.add_column(
        "api_clients", sa.Column("secret_number", sa.BigInteger(), server_default="1", nullable=False)
    )
    op.alter_column("api_clients", "secret_number", server_default=None)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
