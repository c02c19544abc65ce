"""Rectification orders: one document with a line for each hazard. What was issued before is a document of one line.

Who signed those with whom is not known: they have no officers.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261126_0605"
down_revision: str | Sequence[str] | None = "20261126_0550"

ORDERS, LINES, OFFICERS = "rectification_orders", "rectification_order_lines", "rectification_order_officers"
ADDRESS = (("enterprise_id", "enterprises"), ("site_id", "sites"), ("region_id", "regions"))
OF_ONE_HAZARD = ("hazard_id", "days", "day_kind", "due_on", "requirement")
_APPEND_ONLY = (
    "CREATE TRIGGER {0}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {0} "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
)


def upgrade() -> None:
    _create_lines()
    _create_officers()
    op.execute(
        f"INSERT INTO {LINES} (order_id, hazard_id, position, days, day_kind, due_on, requirement, created_at) "
        f"SELECT id, hazard_id, 1, days, day_kind, due_on, requirement, created_at FROM {ORDERS}"
    )
    _address_orders()
    op.drop_constraint(op.f("fk_order_extensions_order_id"), "order_extensions", type_="foreignkey")
    op.create_foreign_key(
        op.f("fk_order_extensions_order_id_hazard_id"), "order_extensions", LINES, ["order_id", "hazard_id"],
        ["order_id", "hazard_id"],
    )  # fmt: skip
    for name in OF_ONE_HAZARD:
        op.drop_column(ORDERS, name)
    for table in (LINES, OFFICERS):
        op.execute(_APPEND_ONLY.format(table))


def _create_lines() -> None:
    op.create_table(
        LINES,
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("hazard_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.Column("day_kind", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("requirement", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("day_kind IN ('working', 'calendar')", name=op.f(f"ck_{LINES}_day_kind")),
        sa.ForeignKeyConstraint(["order_id"], [f"{ORDERS}.id"], name=op.f(f"fk_{LINES}_order_id")),
        sa.ForeignKeyConstraint(["hazard_id"], ["hazards.id"], name=op.f(f"fk_{LINES}_hazard_id")),
        sa.PrimaryKeyConstraint("order_id", "hazard_id", name=op.f(f"pk_{LINES}")),
        sa.UniqueConstraint("order_id", "position", name=op.f(f"uq_{LINES}_order_id_position")),
    )
    op.create_index(op.f(f"ix_{LINES}_hazard_id"), LINES, ["hazard_id"])


def _create_officers() -> None:
    op.create_table(
        OFFICERS,
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("certificate_number", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], [f"{ORDERS}.id"], name=op.f(f"fk_{OFFICERS}_order_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f(f"fk_{OFFICERS}_user_id")),
        sa.PrimaryKeyConstraint("order_id", "user_id", name=op.f(f"pk_{OFFICERS}")),
    )
    op.create_index(op.f(f"ix_{OFFICERS}_user_id"), OFFICERS, ["user_id"])


def _address_orders() -> None:
    """The enterprise, the site and the region of an order are those of the hazard it was issued for."""
    for name, _ in ADDRESS:
        op.add_column(ORDERS, sa.Column(name, sa.Uuid(), nullable=True))
    op.execute(f"ALTER TABLE {ORDERS} DISABLE TRIGGER {ORDERS}_append_only")
    op.execute(
        f"UPDATE {ORDERS} o SET enterprise_id = h.enterprise_id, site_id = h.site_id, region_id = h.region_id "
        "FROM hazards h WHERE h.id = o.hazard_id"
    )
    op.execute(f"ALTER TABLE {ORDERS} ENABLE TRIGGER {ORDERS}_append_only")
    for name, table in ADDRESS:
        op.alter_column(ORDERS, name, nullable=False)
        op.create_foreign_key(op.f(f"fk_{ORDERS}_{name}"), ORDERS, table, [name], ["id"])
    op.create_index(f"ix_{ORDERS}_region_id_id", ORDERS, ["region_id", "id"])
    for name in ("enterprise_id", "site_id"):
        op.create_index(op.f(f"ix_{ORDERS}_{name}"), ORDERS, [name])


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
