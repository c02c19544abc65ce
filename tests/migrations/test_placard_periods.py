"""What the migration of 26 November 2026, 12:15, makes of placards' periods that run for what is reported or found rectified."""

from datetime import date
from uuid import UUID, uuid4

from sqlalchemy import text

from tests.migrations.conftest import Migrating
from tests.migrations.sample_rows import copy_of_the_row, fill_empty_tables

SAMPLES, PLACARDS, BEFORE, AFTER = "20261125_1538", "20261126_0410", "20261126_1130", "20261126_1215"
DECIDED = "2026-11-10"
ORDER, REPORT, FOUND, UNDONE = "order", "report_rectified", "reinspect", "reject_rectification"
STEPS = {
    "reported": [(ORDER, "2026-11-01"), (REPORT, "2026-11-12"), (FOUND, "2026-11-18")],
    "reported again": [(REPORT, "2026-11-12"), (UNDONE, "2026-11-14"), (REPORT, "2026-11-16")],
    "found rectified": [(ORDER, "2026-11-01"), (FOUND, "2026-11-12")],
    "ordered again": [(FOUND, "2026-11-12"), (ORDER, "2026-11-14")],
    "visited before": [(FOUND, "2026-11-08")],
    "merged": [(REPORT, "2026-11-09"), (UNDONE, "2026-11-12")],
    "withdrawn": [(REPORT, "2026-11-12")],
}
STATUS = {
    "reported": "closed", "reported again": "rectified", "found rectified": "reinspected", "ordered again": "ordered",
    "visited before": "reinspected", "merged": "found", "withdrawn": "rectified",
}  # fmt: skip
LEDGERS = """
SELECT c.subject_id, c.ended_on, c.version, e.action, e.on_date, e.due_after
  FROM clocks c LEFT JOIN clock_events e ON e.clock_id = c.id WHERE c.due_on = '2026-12-20'
"""


def test_the_period_of_a_placard_ended_with_what_has_answered_it(migrating: Migrating) -> None:
    """On the day of the first report or re-inspection since it was last ordered or found undone, but not before the decision."""
    placards: dict[str, UUID] = {name: uuid4() for name in STEPS}
    hazards = {name: uuid4() for name in STEPS}
    migrating.fill(SAMPLES)
    migrating.to(PLACARDS)
    with migrating.begin() as connection:
        fill_empty_tables(connection)
    migrating.to(BEFORE)
    with migrating.begin() as connection:
        for name, hazard in hazards.items():
            into = hazards["reported again"] if name == "merged" else None
            copy_of_the_row(
                connection, "hazards", id=hazard, number=name, status=STATUS[name], merged_into_id=into,
                closed_on="2026-11-20" if STATUS[name] == "closed" else None,
            )  # fmt: skip
            for number, (action, day) in enumerate(STEPS[name]):
                step = f"0199{number:04}-0000-7000-8000-{uuid4().hex[:12]}"
                copy_of_the_row(
                    connection, "hazard_steps", id=step, hazard_id=hazard, action=action, on_date=day
                )
            status = "withdrawn" if name == "withdrawn" else "in_force"
            copy_of_the_row(
                connection, "placards", id=placards[name], hazard_id=hazard, public_token=name, kind=name, number=name,
                status=status, decided_on=DECIDED,
            )  # fmt: skip
            copy_of_the_row(
                connection, "clocks", id=uuid4(), subject_kind="placard", subject_id=placards[name], code="placard",
                version=1, due_on="2026-12-20", unknown=None, ended_on=None,
            )  # fmt: skip
    migrating.to(AFTER)
    with migrating.begin() as connection:
        names = {identifier: name for name, identifier in placards.items()}
        found = {names[subject]: tuple(row) for subject, *row in connection.execute(text(LEDGERS))}
    due = date(2026, 12, 20)

    def ended(day: int) -> tuple[object, ...]:
        return date(2026, 11, day), 2, "end", date(2026, 11, day), due

    runs = (None, 1, None, None, None)
    assert found == {
        "reported": ended(12), "reported again": ended(16), "found rectified": ended(12), "ordered again": runs,
        "visited before": ended(10), "merged": ended(16), "withdrawn": runs,
    }  # fmt: skip
