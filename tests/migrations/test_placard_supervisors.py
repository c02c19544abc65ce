"""What the migration of 26 November 2026, 11:30, makes of placards whose clock had been handed over alone."""

from uuid import UUID, uuid4

from sqlalchemy import text

from tests.migrations.conftest import Migrating
from tests.migrations.sample_rows import copy_of_the_row, fill_empty_tables

SAMPLES, PLACARDS, BEFORE, AFTER = "20261125_1538", "20261126_0410", "20261126_0632", "20261126_1130"
HISTORY = "SELECT action, to_status, user_id, supervisor_id FROM placard_steps WHERE placard_id = :id"


def test_a_placard_in_force_goes_to_whom_its_clock_went(migrating: Migrating) -> None:
    """Not one that is over, or whose clock is, nor to whom its text names; one whose clock stayed keeps its version."""
    first, other, named = uuid4(), uuid4(), uuid4()
    cases = {
        "handed over": ("in_force", None, other), "not handed over": ("in_force", None, first),
        "withdrawn": ("withdrawn", None, other), "ended": ("in_force", "2026-11-20", other),
        "named": ("in_force", None, named),
    }  # fmt: skip
    placards: dict[str, UUID] = {name: uuid4() for name in cases}
    migrating.fill(SAMPLES)
    migrating.to(PLACARDS)
    with migrating.begin() as connection:
        fill_empty_tables(connection)
    migrating.to(BEFORE)
    with migrating.begin() as connection:
        for user, name in ((first, "甲一"), (other, "乙二"), (named, "丙三")):
            copy_of_the_row(connection, "users", id=user, login=name, name=name)
        for name, (status, ended_on, answering) in cases.items():
            copy_of_the_row(
                connection, "placards", id=placards[name], public_token=name, kind=name, number=name, status=status, version=3,
                supervisor_id=first, decided_on="2026-11-01", text_zh="由丙三跟踪。",
            )  # fmt: skip
            copy_of_the_row(
                connection, "clocks", id=uuid4(), subject_kind="placard", subject_id=placards[name], code="placard",
                responsible_id=answering, ended_on=ended_on,
            )  # fmt: skip
    migrating.to(AFTER)
    with migrating.begin() as connection:
        found = connection.execute(text("SELECT id, supervisor_id, version FROM placards"))
        watching = {row.id: (row.supervisor_id, row.version) for row in found}
        steps = {
            name: [tuple(row) for row in connection.execute(text(HISTORY), {"id": identifier})]
            for name, identifier in placards.items()
        }
    assert {name: watching[identifier] for name, identifier in placards.items()} == {
        "handed over": (other, 4), "not handed over": (first, 3), "withdrawn": (first, 3), "ended": (first, 3), "named": (first, 3),
    }  # fmt: skip
    assert steps.pop("handed over") == [("name_supervisor", "in_force", None, other)]
    assert not any(steps.values())
