"""What the migration of 26 November 2026, 05:10, makes of tallies that count reported hazards as overdue."""

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, pool, text

from app.db.engine import psycopg_url
from app.db.migrate import MIGRATIONS
from tests.migrations.sample_rows import fill_empty_tables

SAMPLES, BEFORE, AFTER = "20261125_1538", "20261126_0410", "20261126_0510"
TALLIED = """
INSERT INTO hazard_tallies (region_id, trades, level, clause, status, number, overdue)
SELECT id, '{}', 'general', '', :status, 3, 2 FROM regions LIMIT 1
"""


def test_reported_hazards_are_counted_and_no_longer_as_overdue(empty_database: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["address"] = empty_database
    engine = create_engine(psycopg_url(empty_database), poolclass=pool.NullPool)
    command.upgrade(config, SAMPLES)
    with engine.begin() as connection:
        fill_empty_tables(connection)
    command.upgrade(config, BEFORE)
    with engine.begin() as connection:
        for status in ("ordered", "rectified"):
            connection.execute(text(TALLIED), {"status": status})
    command.upgrade(config, AFTER)
    with engine.begin() as connection:
        found = connection.execute(
            text("SELECT status, number, overdue FROM hazard_tallies WHERE number = 3 ORDER BY status")
        )
        assert [tuple(row) for row in found] == [("ordered", 3, 2), ("rectified", 3, 0)]
