"""What the migration of 26 November 2026, 13:10, makes of ledgers that were read in the order of their ids."""

from uuid import UUID, uuid4

from sqlalchemy import text

from tests.migrations.conftest import Migrating
from tests.migrations.sample_rows import copy_of_the_row
from tests.migrations.test_reopened_clocks import CLOCK

SAMPLES, BEFORE, AFTER = "20261125_1538", "20261126_1240", "20261126_1310"
FIRST, SECOND, THIRD, NEXT = (UUID(f"0199000{number}-0000-7000-8000-000000000000") for number in (1, 2, 3, 0))
WRITE = "INSERT INTO clock_events (id, clock_id, action, on_date, created_at) VALUES (:id, :clock, 'extend', '2026-11-20', now())"
READ = "SELECT id FROM clock_events WHERE clock_id = :clock ORDER BY position"


def test_they_are_in_that_order_still_and_what_is_written_now_comes_behind(migrating: Migrating) -> None:
    clock, hazard = uuid4(), uuid4()
    migrating.fill(SAMPLES)
    migrating.to(BEFORE)
    with migrating.begin() as connection:
        copy_of_the_row(connection, "hazards", id=hazard, number="1")
        connection.execute(text(CLOCK), {"id": clock, "hazard": hazard})
        for identifier in (THIRD, FIRST, SECOND):
            connection.execute(text(WRITE), {"id": identifier, "clock": clock})
    migrating.to(AFTER)
    with migrating.begin() as connection:
        connection.execute(text(WRITE), {"id": NEXT, "clock": clock})
        found = connection.execute(text(READ), {"clock": clock}).scalars().all()
    assert found == [FIRST, SECOND, THIRD, NEXT]
