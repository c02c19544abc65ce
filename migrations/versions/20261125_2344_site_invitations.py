"""Invitations of enterprises' people to their sites, and the sessions that come of them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_2344"
down_revision: str | Sequence[str] | None = "20261125_2319"

REFERENCES = (("enterprise_id", "enterprises"), ("site_id", "sites"), ("invited_by", "users"))


def upgrade() -> None:
    op.create_table(
        "site_invitations",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("code_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_reason IS NULL)", name=op.f("ck_site_invitations_revoked")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_site_invitations_{column}"))
            for column, table in REFERENCES
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_invitations")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_site_invitations_code_hash")),
    )
    op.create_index(op.f("ix_site_invitations_enterprise_id"), "site_invitations", ["enterprise_id"])
    op.create_index("ix_site_invitations_site_id_id", "site_invitations", ["site_id", "id"])
    op.alter_column("login_sessions", "user_id", nullable=True)
    op.add_column("login_sessions", sa.Column("invitation_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_login_sessions_invitation_id"),
        "login_sessions",
        "site_invitations",
        ["invitation_id"],
        ["id"],
    )
    op.create_index(op.f("ix_login_sessions_invitation_id"), "login_sessions", ["invitation_id"])
    op.create_check_constraint(
        op.f("ck_login_sessions_whose"), "login_sessions", "(user_id IS NULL) <> (invitation_id IS NULL)"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
