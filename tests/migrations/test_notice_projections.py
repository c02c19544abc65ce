"""What the migration of 26 November 2026, 13:30, makes of notices that were imported before projections were noted."""

from uuid import UUID, uuid4

from sqlalchemy import text

from tests.migrations.conftest import Migrating
from tests.migrations.sample_rows import copy_of_the_row, fill_empty_tables

SAMPLES, CLOCKS, BEFORE, AFTER = "20261125_1538", "20261126_0410", "20261126_1310", "20261126_1330"
JOB = """
INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)
VALUES ('default', 'clocks.reproject', jsonb_build_object('notice_id', CAST(:notice AS text)), 'failed')
"""


def test_what_was_imported_before_is_projected_unless_its_job_is_still_there(migrating: Migrating) -> None:
    notices = {name: (uuid4(), year, number) for name, year, number in (
        ("done", 2030, 1), ("replaced", 2031, 1), ("given up", 2031, 2),
    )}  # fmt: skip
    migrating.fill(SAMPLES)
    migrating.to(CLOCKS)
    with migrating.begin() as connection:
        fill_empty_tables(connection)
    migrating.to(BEFORE)
    with migrating.begin() as connection:
        for identifier, year, number in notices.values():
            copy_of_the_row(connection, "calendar_notices", id=identifier, year=year, number=number)
        copy_of_the_row(
            connection, "clock_events", id=uuid4(), action="reproject", notice_id=notices["done"][0]
        )
        for name in ("replaced", "given up"):
            connection.execute(text(JOB), {"notice": notices[name][0]})
    migrating.to(AFTER)
    with migrating.begin() as connection:
        rows = connection.execute(
            text("SELECT notice_id, after_id, moved, finished_at IS NULL AS waits FROM notice_projections")
        )
        found: dict[UUID, tuple[object, ...]] = {row.notice_id: tuple(row)[1:] for row in rows}
    assert {name: found[identifier] for name, (identifier, _, _) in notices.items()} == {
        "done": (None, 1, False), "replaced": (None, 0, False), "given up": (None, 0, True),
    }  # fmt: skip
