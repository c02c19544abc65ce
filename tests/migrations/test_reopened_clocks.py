"""What the migration of 26 November 2026, 06:32, makes of orders' periods that run for what is reported already."""

from datetime import date
from uuid import UUID, uuid4

from sqlalchemy import text

from tests.migrations.conftest import Migrating
from tests.migrations.sample_rows import copy_of_the_row

SAMPLES, BEFORE, AFTER = "20261125_1538", "20261126_0621", "20261126_0632"
CLOCK = """
INSERT INTO clocks (id, version, created_at, updated_at, code, subject_kind, subject_id, authority_id, region_id, started_at,
                    amount, extended_by, unit, rolls_over, backwards, clear, meaning, basis, to_be_confirmed, due_on)
SELECT :id, 1, now(), now(), 'rectification', 'hazard', id, authority_id, region_id, now(), 15, 0, 'calendar_day', false,
       false, false, 'deadline', '', false, DATE '2026-11-20' FROM hazards WHERE id = :hazard
"""
LEDGER = "SELECT action, on_date, due_after FROM clock_events WHERE clock_id = :id ORDER BY id"


def test_the_period_of_what_is_reported_ended_on_the_day_of_its_last_report(migrating: Migrating) -> None:
    clocks: dict[str, UUID] = {status: uuid4() for status in ("ordered", "rectified")}
    migrating.fill(SAMPLES)
    migrating.to(BEFORE)
    with migrating.begin() as connection:
        for number, (status, clock) in enumerate(clocks.items()):
            hazard = uuid4()
            copy_of_the_row(connection, "hazards", id=hazard, number=str(number), status=status)
            for day in ("2026-11-12", "2026-11-18"):
                said = {"action": "report_rectified", "on_date": day}
                copy_of_the_row(
                    connection, "hazard_steps", id=f"0199{day[-2:]}00-0000-7000-8000-{uuid4().hex[:12]}", hazard_id=hazard, **said
                )  # fmt: skip
            connection.execute(text(CLOCK), {"id": clock, "hazard": hazard})
    migrating.to(AFTER)
    with migrating.begin() as connection:
        found = connection.execute(text("SELECT id, ended_on FROM clocks"))
        ended = {row.id: row.ended_on for row in found}
        assert [ended[clocks[status]] for status in ("ordered", "rectified")] == [None, date(2026, 11, 18)]
        ledgers = [
            [tuple(row) for row in connection.execute(text(LEDGER), {"id": clock})]
            for clock in clocks.values()
        ]
        assert ledgers == [[], [("end", date(2026, 11, 18), date(2026, 11, 20))]]
