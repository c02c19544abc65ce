"""Whom the migration of 26 November 2026, 05:15, makes answer for the clocks that ran before it."""

from uuid import UUID, uuid4

from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from app.db.migrate import MIGRATIONS
from tests.migrations.conftest import Migrating
from tests.migrations.sample_rows import copy_of_the_row, fill_empty_tables

SCRIPTS = ScriptDirectory(str(MIGRATIONS))
BEFORE, RESPONSIBLE = "20261126_0510", "20261126_0515"
OFFICERS = {name: UUID(int=number) for number, name in enumerate(("earlier", "officer", "opener"), start=1)}


LEDGERS = """
SELECT c.ended_on, c.version, c.due_on, c.responsible_id, e.action, e.responsible_id AS named, e.due_before, e.due_after, e.user_id,
       e.reason
  FROM clocks c LEFT JOIN clock_events e ON e.clock_id = c.id WHERE c.subject_id = ANY(:subjects)
"""


def id_of(connection: Connection, table: str) -> UUID:
    return UUID(str(connection.execute(text(f"SELECT id FROM {table} LIMIT 1")).scalar_one()))


def write_down(connection: Connection) -> dict[str, UUID]:
    """Two orders of a hazard, a measure, a placard, a case of two officers and one whose opener is none of its team."""
    earlier, officer, opener = OFFICERS.values()
    for name, identifier in OFFICERS.items():
        brigade = id_of(connection, "brigades") if name == "officer" else None
        copy_of_the_row(connection, "users", id=identifier, login=name, brigade_id=brigade)
    hazard, measure = id_of(connection, "hazards"), id_of(connection, "onsite_measures")
    for number, who in enumerate((earlier, officer), start=1):
        copy_of_the_row(
            connection, "rectification_orders", id=later(number), hazard_id=hazard, number=str(number), issued_by=who
        )  # fmt: skip
        copy_of_the_row(
            connection, "onsite_measure_steps", id=later(number), measure_id=measure, user_id=who,
            action=("order_orally", "decide")[number - 1],
        )  # fmt: skip
    connection.execute(text("UPDATE placards SET supervisor_id = :who"), {"who": officer})
    cases = [uuid4(), uuid4()]
    for case, opened_by, team in (
        (cases[0], officer, (earlier, officer)),
        (cases[1], opener, (officer, earlier)),
    ):
        copy_of_the_row(connection, "cases", id=case, number=str(case), opened_by=opened_by)
        for who in team:
            copy_of_the_row(connection, "case_officers", case_id=case, user_id=who)
    return {
        "hazard": hazard, "onsite_measure": measure, "placard": id_of(connection, "placards"), "case": cases[0],
        "case of another": cases[1],
    }  # fmt: skip


def later(number: int) -> UUID:
    """Later than every row that is there, in order."""
    return UUID(int=(0xFFFFFFFF << 96) + number)


def test_running_clocks_find_who_answers_for_them_and_ended_ones_stay_as_they_were(
    migrating: Migrating,
) -> None:
    for revision in reversed([one.revision for one in SCRIPTS.iterate_revisions(BEFORE, "base")]):
        migrating.to(revision)
        with migrating.begin() as connection:
            fill_empty_tables(connection)
    with migrating.begin() as connection:
        subjects = write_down(connection)
        for name, subject in subjects.items():
            same = {
                "subject_kind": name.partition(" ")[0],
                "subject_id": subject,
                "code": "x",
                "responsible_id": None,
                "version": 1,
            }
            copy_of_the_row(connection, "clocks", id=uuid4(), **same)
            copy_of_the_row(connection, "clocks", id=uuid4(), **same, ended_on="2026-11-25")
    migrating.to(RESPONSIBLE)
    with migrating.begin() as connection:
        brigade = id_of(connection, "brigades")
        asked = text("SELECT responsible_id, brigade_id, ended_on FROM clocks WHERE subject_id = :subject")
        found = {
            name: {
                row.ended_on is None: (row.responsible_id, row.brigade_id)
                for row in connection.execute(asked, {"subject": subject})
            }
            for name, subject in subjects.items()
        }
        ledgers = connection.execute(text(LEDGERS), {"subjects": list(subjects.values())}).all()
        leading = connection.execute(text("SELECT case_id, user_id FROM case_officers WHERE is_leading"))
        leads = dict(tuple(row) for row in leading)
    officer = (OFFICERS["officer"], brigade)
    first = (OFFICERS["earlier"], None)  # of a team without the opener, the first by id
    assert found == {
        name: {True: first if name == "case of another" else officer, False: (None, None)}
        for name in subjects
    }
    assert leads[subjects["case"]] == OFFICERS["officer"]
    assert leads[subjects["case of another"]] == OFFICERS["earlier"]
    assert len(ledgers) == 2 * len(subjects)
    for row in ledgers:
        if row.ended_on is not None:
            assert (row.version, row.action) == (1, None)
            continue
        assert (row.version, row.action, row.named, row.user_id) == (2, "hand_over", row.responsible_id, None)
        assert row.due_before == row.due_after == row.due_on
        assert "系统升级" in row.reason
