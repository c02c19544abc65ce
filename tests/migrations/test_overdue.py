"""What the migration of 26 November 2026, 05:10, makes of tallies that count reported hazards as overdue."""

from sqlalchemy import text

from tests.migrations.conftest import Migrating

SAMPLES, BEFORE, AFTER = "20261125_1538", "20261126_0410", "20261126_0510"
TALLIED = """
INSERT INTO hazard_tallies (region_id, trades, level, clause, status, number, overdue)
SELECT id, '{}', 'general', '', :status, 3, 2 FROM regions LIMIT 1
"""


def test_reported_hazards_are_counted_and_no_longer_as_overdue(migrating: Migrating) -> None:
    migrating.fill(SAMPLES)
    migrating.to(BEFORE)
    with migrating.begin() as connection:
        for status in ("ordered", "rectified"):
            connection.execute(text(TALLIED), {"status": status})
    migrating.to(AFTER)
    with migrating.begin() as connection:
        found = connection.execute(
            text("SELECT status, number, overdue FROM hazard_tallies WHERE number = 3 ORDER BY status")
        )
        assert [tuple(row) for row in found] == [("ordered", 3, 2), ("rectified", 3, 0)]
