"""What the migration of 26 November 2026, 05:30, makes of clauses that were confirmed before it."""

from datetime import date
from uuid import uuid4

from sqlalchemy import text

from tests.migrations.conftest import Migrating
from tests.migrations.sample_rows import copy_of_the_row

SAMPLES, BEFORE, AFTER = "20261125_1538", "20261126_0521", "20261126_0530"
FIRST, FURTHER = "MEM10-7-5", "MEM10-5-12"
CONFIRMED = ((FIRST, "2026-11-02"), (FURTHER, "2026-11-09"), (FURTHER, "2026-11-05"), (None, "2026-11-01"))


def test_the_first_clause_is_the_hazard_s_and_the_further_ones_are_those_of_its_history(
    migrating: Migrating,
) -> None:
    hazard, general = uuid4(), uuid4()
    migrating.fill(SAMPLES)
    migrating.to(BEFORE)
    with migrating.begin() as connection:
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
    migrating.to(AFTER)
    with migrating.begin() as connection:
        wanted = "SELECT hazard_id, clause, since FROM hazard_clauses WHERE hazard_id IN (:hazard, :general)"
        found = connection.execute(text(wanted), {"hazard": hazard, "general": general})
        assert {tuple(row) for row in found} == {
            (hazard, FIRST, date(2026, 11, 2)),
            (hazard, FURTHER, date(2026, 11, 5)),
        }
