"""What the migration of 26 November 2026, 05:20, makes of placards that were put up before it."""

from uuid import uuid4

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, pool, text

from app.db.engine import psycopg_url
from app.db.migrate import MIGRATIONS
from tests.migrations.sample_rows import copy_of_the_row, fill_empty_tables

SAMPLES, BEFORE, NAMED = "20261125_1538", "20261126_0410", "20261126_0520"
DAY = "2026-11-20"


def test_a_placard_is_in_the_name_of_whoever_decided_and_keeps_its_number(empty_database: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["address"] = empty_database
    engine = create_engine(psycopg_url(empty_database), poolclass=pool.NullPool)
    ids = {name: uuid4() for name in ("town", "district", "entrusted", "head", "chief", "clerk")}
    command.upgrade(config, SAMPLES)
    with engine.begin() as connection:
        fill_empty_tables(connection)
    command.upgrade(config, BEFORE)
    deciders = {"head": "town", "chief": "district", "clerk": "entrusted"}
    placards = {name: uuid4() for name in (*deciders, "nobody")}
    with engine.begin() as connection:
        fill_empty_tables(connection)
        for name in ("town", "district", "entrusted"):
            copy_of_the_row(connection, "authorities", id=ids[name], code=name, document_word=name)
        for name, authority in deciders.items():
            copy_of_the_row(connection, "users", id=ids[name], login=name, authority_id=ids[authority])
        entrusted = {"authority_id": ids["entrusted"], "entrusted_by": ids["town"], "valid_from": DAY}
        copy_of_the_row(connection, "entrustments", id=uuid4(), valid_until=None, **entrusted)
        for name, identifier in placards.items():
            decided = {"decided_by": ids[name], "decided_on": DAY, "number": name} if name in deciders else {
                "decided_by": None, "decided_on": None, "number": None,
            }  # fmt: skip
            copy_of_the_row(
                connection, "placards", id=identifier, public_token=name, authority_id=ids["town"],
                status="withdrawn", **decided,
            )  # fmt: skip
            copy_of_the_row(
                connection, "clocks", id=uuid4(), subject_kind="placard", subject_id=identifier,
                authority_id=ids["town"], ended_on=DAY,
            )  # fmt: skip
    command.upgrade(config, NAMED)
    with engine.begin() as connection:
        wanted = text(
            "SELECT p.public_token, p.authority_id, p.number, c.authority_id FROM placards p JOIN clocks c ON c.subject_id = p.id"
        )
        found = {row[0]: tuple(row)[1:] for row in connection.execute(wanted)}
    town, district = ids["town"], ids["district"]
    assert {name: found[name] for name in placards} == {
        "head": (town, "head", town),
        "chief": (district, "chief", district),
        "clerk": (town, "clerk", town),
        "nobody": (town, None, town),
    }
