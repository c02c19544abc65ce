"""What the migration that gives orders lines makes of orders that were there before it, each of one hazard."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.migrations.conftest import Migrating
from tests.migrations.sample_rows import copy_of_the_row, fill_empty_tables

SAMPLES, BEFORE, AFTER = "20261125_1538", "20261126_0550", "20261126_0605"
EXTENSION = (
    "INSERT INTO order_extensions (id, hazard_id, order_id, clock_id, region_id, amount, unit, reason, proposed_by, status, "
    "version, created_at, updated_at) SELECT :id, :hazard, :order, c.id, c.region_id, 5, 'working_day', '到货延迟', o.issued_by, "
    "'proposed', 1, now(), now() FROM clocks c, rectification_orders o WHERE o.id = :order LIMIT 1"
)
LINES = (
    "SELECT order_id, hazard_id, position, days, day_kind, due_on, requirement FROM rectification_order_lines"
)


def test_each_order_of_before_is_a_document_of_one_line_that_nobody_is_known_to_have_signed(
    migrating: Migrating,
) -> None:
    migrating.to(SAMPLES)
    with migrating.begin() as connection:
        fill_empty_tables(connection)
        connection.execute(
            text("UPDATE hazards SET status = 'ordered'")
        )  # its order's clock comes on the way
    migrating.to(BEFORE)
    hazard, replaced, unknown = uuid4(), uuid4(), uuid4()
    with migrating.begin() as connection:
        copy_of_the_row(connection, "hazards", id=hazard, number="二", package_id=None, finding_key=None)
        plain = {"hazard_id": hazard, "days": 15, "day_kind": "calendar", "requirement": "整改"}
        copy_of_the_row(
            connection, "rectification_orders", id=replaced, number="1号", due_on="2026-11-30", **plain
        )
        later = {**plain, "days": 5, "day_kind": "working", "requirement": "立即整改"}
        copy_of_the_row(connection, "rectification_orders", id=unknown, number="2号", due_on=None, **later)
        connection.execute(text(EXTENSION), {"id": uuid4(), "hazard": hazard, "order": unknown})
        orders = connection.scalar(text("SELECT count(*) FROM rectification_orders"))
        extended = set(connection.execute(text("SELECT id, hazard_id, order_id FROM order_extensions")).all())
    migrating.to(AFTER)
    assert len(extended) == 1
    with migrating.begin() as connection:
        lines: dict[UUID, tuple[object, ...]] = {
            row[0]: tuple(row)[1:] for row in connection.execute(text(LINES))
        }
        assert len(lines) == orders
        due = lines[replaced][4]
        assert str(due) == "2026-11-30"
        assert lines[replaced] == (hazard, 1, 15, "calendar", due, "整改")
        assert lines[unknown] == (hazard, 1, 5, "working", None, "立即整改")
        addressed = connection.execute(
            text(
                "SELECT count(*) FROM rectification_orders o JOIN rectification_order_lines l ON l.order_id = o.id "
                "JOIN hazards h ON h.id = l.hazard_id AND (h.enterprise_id, h.site_id, h.region_id) "
                "= (o.enterprise_id, o.site_id, o.region_id)"
            )
        )
        assert addressed.scalar() == orders
        assert connection.scalar(text("SELECT count(*) FROM rectification_order_officers")) == 0
        kept = connection.execute(text("SELECT id, hazard_id, order_id FROM order_extensions")).all()
        assert set(kept) == extended
    for table in ("rectification_orders", "rectification_order_lines", "rectification_order_officers"):
        with pytest.raises(DBAPIError, match="append-only"), migrating.begin() as connection:
            connection.execute(text(f"UPDATE {table} SET created_at = now()"))
