"""What was put up before placards were in the name of the authority that decides stays in the name in which it was made public."""

from uuid import uuid4

from sqlalchemy import text

from tests.migrations.conftest import Migrating
from tests.migrations.sample_rows import copy_of_the_row, fill_empty_tables

SAMPLES, BEFORE = "20261125_1538", "20261126_0410"
DAY, NUMBER = "2026-06-20", "应急警示〔2026〕1号"
SHOWN = """
    SELECT p.public_token, p.authority_id, p.number, p.version, c.authority_id
      FROM placards p JOIN clocks c ON c.subject_id = p.id
"""


def test_a_placard_keeps_name_and_number_wherever_its_decider_is_today(migrating: Migrating) -> None:
    """Also two of the same number by authorities of the same word, whose decider has gone over to a third of that word."""
    offices, chief = {name: uuid4() for name in ("first", "second", "today")}, uuid4()
    migrating.fill(SAMPLES)
    migrating.to(BEFORE)
    with migrating.begin() as connection:
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
    with migrating.begin() as connection:
        before = set(map(tuple, connection.execute(text(SHOWN))))
    migrating.to("head")
    with migrating.begin() as connection:
        after = set(map(tuple, connection.execute(text(SHOWN))))
    first, second = offices["first"], offices["second"]
    assert {("first", first, NUMBER, 3, first), ("second", second, NUMBER, 3, second)} <= before
    assert after == before
