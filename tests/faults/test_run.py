"""The short fault run: three phones, a power cut, a kill and a full disk; and the same with a store that does not sync."""

from pathlib import Path

import pytest

from tests.faults.report import SMALL, figures, lines, page, percentile, published
from tests.faults.run import Plan, run
from tests.support.postgres import cloned_database, copy_migrated
from tests.support.small_disk import CannotMount, small_disk

SHORT = Plan(
    seed=20261125,
    phones=3,
    inspections=5,
    photos=(3, 5),
    pause=(0.5, 2),
    blows=("API killed", "power cut", "disk full"),
    api_processes=1,
    finish_seconds=300,
)


FULL = Plan(
    seed=20261126,
    phones=2,
    inspections=4,
    photos=(2, 3),
    fault_rate=0.0,
    pause=(0, 0.05),  # or the phones are done before the disk is full
    full=(3, 4),
    blows=("disk full, the database's log too",),
    api_processes=1,
    finish_seconds=300,
)


def test_nothing_acknowledged_is_lost_doubled_or_altered(database_cluster: str, tmp_path: Path) -> None:
    told: list[str] = []
    with cloned_database(database_cluster) as address:
        outcome = run(SHORT, tmp_path, told.append, database=address)
    summary = "\n".join([*told, *lines(outcome)])
    assert outcome.faults == [], summary
    assert outcome.findings.packages == outcome.sealed == 15, summary
    assert outcome.blows.total() == len(SHORT.blows or ()), summary
    assert outcome.findings.files >= 45, summary
    assert outcome.ledger.resent() <= outcome.bound, summary
    assert dict(figures(outcome))["acknowledged bytes lost"] == "0"
    assert "| acknowledged bytes lost | 0 |" in page(outcome)
    assert published(f"old\n{SMALL}kept\n", outcome) == f"{page(outcome)}\n{SMALL}kept\n"


def test_a_disk_that_is_really_full_costs_nothing_acknowledged_and_the_service_comes_back_by_itself(
    tmp_path: Path,
) -> None:
    """Database and storage on a file system of their own without a byte left: PostgreSQL finds no space for its log, and dies."""
    told: list[str] = []
    try:
        with small_disk(tmp_path / "disk", 400) as data:
            copy_migrated(data)
            outcome = run(FULL, tmp_path, told.append, data=data)
    except CannotMount as why:
        pytest.skip(f"a small file system is needed, and none can be mounted here: {why}")
    summary = "\n".join([*told, *lines(outcome)])
    assert outcome.faults == [], summary
    assert outcome.findings.packages == outcome.sealed == 8, summary
    assert any("space" in said or "closed" in said for said in outcome.found_full), summary
    assert outcome.ended.total() == 0, summary
    written = published(f"kept\n{SMALL}old\n", outcome)
    assert written.startswith(f"kept\n{SMALL}")
    assert "old" not in written
    assert "| size of the file system | 400 MiB |" in written


@pytest.mark.parametrize(("values", "share", "found"), [([1, 2, 3, 4], 0.5, 3), ([5], 0.95, 5)])
def test_percentiles(values: list[float], share: float, found: float) -> None:
    assert percentile(values, share) == found
