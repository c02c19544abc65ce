"""What the migration of 26 November 2026, 05:30, makes of clauses that were confirmed before it."""

from datetime import date
from uuid import uuid4

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, pool, text

from app.db.engine import psycopg_url
from app.db.migrate import MIGRATIONS
from tests.migrations.sample_rows import copy_of_the_row, fill_empty_tables

SAMPLES, BEFORE, AFTER = "20261125_1538", "20261126_0521", "20261126_0530"
FIRST, FURTHER = "MEM10-7-5", "MEM10-5-12"
CONFIRMED = ((FIRST, "2026-11-02"), (FURTHER, "2026-11-09"), (FURTHER, "2026-11-05"), (None, "2026-11-01"))


def test_the_first_clause_is_the_hazard_s_and_the_further_ones_are_those_of_its_history(
    empty_database: str,
) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["address"] = empty_database
    engine = create_engine(psycopg_url(empty_database), poolclass=pool.NullPool)
    hazard, general = uuid4(), uuid4()
    command.upgrade(config, SAMPLES)
    with engine.begin() as connection:
        fill_empty_tables(connection)
    command.upgrade(config, BEFORE)
    with engine.begin() as connection:
        major = {"level": "major", "clause": FIRST, "major_since": "2026-11-02"}
        copy_of_the_row(connection, "hazards", id=hazard, number="1", **major)
        copy_of_the_row(connection, "hazards", id=general, number="2", level="general", clause=None)
        for clause, day in CONFIRMED:
            said = {
                "action": "confirm_major",
                "on_date": day,
                "detail": {"clause": clause} if clause else None,
            }
            copy_of_the_row(connection, "hazard_steps", id=uuid4(), hazard_id=hazard, **said)
    command.upgrade(config, AFTER)
    with engine.begin() as connection:
        wanted = "SELECT hazard_id, clause, since FROM hazard_clauses WHERE hazard_id IN (:hazard, :general)"
        found = connection.execute(text(wanted), {"hazard": hazard, "general": general})
        assert {tuple(row) for row in found} == {
            (hazard, FIRST, date(2026, 11, 2)),
            (hazard, FURTHER, date(2026, 11, 5)),
        }
