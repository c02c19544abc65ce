"""What was put up before placards were in the name of the authority that decides stays in the name in which it was made public."""

from uuid import uuid4

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, pool, text

from app.db.engine import psycopg_url
from app.db.migrate import MIGRATIONS
from tests.migrations.sample_rows import copy_of_the_row, fill_empty_tables

SAMPLES, BEFORE = "20261125_1538", "20261126_0410"
DAY, NUMBER = "2026-06-20", "应急警示〔2026〕1号"
SHOWN = """
    SELECT p.public_token, p.authority_id, p.number, p.version, c.authority_id
      FROM placards p JOIN clocks c ON c.subject_id = p.id
"""


def test_a_placard_keeps_name_and_number_wherever_its_decider_is_today(empty_database: str) -> None:
    """Also two of the same number by authorities of the same word, whose decider has gone over to a third of that word."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["address"] = empty_database
    engine = create_engine(psycopg_url(empty_database), poolclass=pool.NullPool)
    offices, chief = {name: uuid4() for name in ("first", "second", "today")}, uuid4()
    command.upgrade(config, SAMPLES)
    with engine.begin() as connection:
        fill_empty_tables(connection)
    command.upgrade(config, BEFORE)
    with engine.begin() as connection:
        fill_empty_tables(connection)
        for name, identifier in offices.items():
            copy_of_the_row(connection, "authorities", id=identifier, code=name, document_word="应急")
        copy_of_the_row(connection, "users", id=chief, login="chief", authority_id=offices["today"])
        for name, number in (("first", NUMBER), ("second", NUMBER), ("proposed", None)):
            ours, identifier = offices.get(name, offices["first"]), uuid4()
            decided = (
                {"decided_by": chief, "decided_on": DAY}
                if number
                else {"decided_by": None, "decided_on": None}
            )
            copy_of_the_row(
                connection, "placards", id=identifier, public_token=name, authority_id=ours, number=number,
                status="withdrawn", version=3, **decided,
            )  # fmt: skip
            copy_of_the_row(
                connection, "clocks", id=uuid4(), subject_kind="placard", subject_id=identifier,
                authority_id=ours, ended_on=DAY,
            )  # fmt: skip
    with engine.begin() as connection:
        before = set(map(tuple, connection.execute(text(SHOWN))))
    command.upgrade(config, "head")
    with engine.begin() as connection:
        after = set(map(tuple, connection.execute(text(SHOWN))))
    first, second = offices["first"], offices["second"]
    assert {("first", first, NUMBER, 3, first), ("second", second, NUMBER, 3, second)} <= before
    assert after == before
