"""What the migration of 25 November 2026, 19:15, makes of corrections that were there before it."""

from uuid import UUID, uuid4

from sqlalchemy import text

from tests.migrations.conftest import Migrating
from tests.migrations.sample_rows import copy_of_the_row

SAMPLES, BEFORE, LINES = "20261125_1538", "20261125_1910", "20261125_1915"
NAMES = ("first", "second", "rival", "of_rival", "third", "alone")


def test_of_each_line_the_first_correction_stands_and_the_others_wait_for_a_person(
    migrating: Migrating,
) -> None:
    ids: dict[str, UUID] = {name: uuid4() for name in NAMES}
    bases = {"second": "first", "rival": "first", "of_rival": "rival", "third": "second"}
    migrating.fill(SAMPLES)
    migrating.to(BEFORE)
    with migrating.begin() as connection:
        for minute, name in enumerate(NAMES):
            base = ids[bases[name]] if name in bases else None
            at = f"2026-11-25T08:{minute:02}:00Z"
            copy_of_the_row(connection, "package_intakes", package_id=ids[name])
            copy_of_the_row(connection, "packages", id=ids[name], supersedes_id=base, received_at=at)
    migrating.to(LINES)
    with migrating.begin() as connection:
        found = connection.execute(text("SELECT id, root_id, is_standing, fork, fork_status FROM packages"))
        rows = {row.id: tuple(row)[1:] for row in found}
    first, beside = ids["first"], ("base_superseded", "open")
    assert {name: rows[identifier] for name, identifier in ids.items()} == {
        "first": (first, False, None, None),
        "second": (first, False, None, None),
        "rival": (first, False, *beside),
        "of_rival": (first, False, *beside),
        "third": (first, True, None, None),
        "alone": (ids["alone"], True, None, None),
    }
