"""The short fault run: three phones, a power cut, a kill and a full disk; and the same with a store that does not sync."""

from pathlib import Path

import pytest

from tests.faults.report import figures, lines, page, percentile
from tests.faults.run import Plan, run
from tests.support.postgres import cloned_database

SHORT = Plan(
    seed=20261125,
    phones=3,
    inspections=3,
    photos=(3, 5),
    pause=(0.5, 2),
    blows=("API killed", "power cut", "disk full"),
    api_processes=1,
    finish_seconds=300,
)


def test_nothing_acknowledged_is_lost_doubled_or_altered(database_cluster: str, tmp_path: Path) -> None:
    told: list[str] = []
    with cloned_database(database_cluster) as address:
        outcome = run(SHORT, tmp_path, told.append, database=address)
    summary = "\n".join([*told, *lines(outcome)])
    assert outcome.faults == [], summary
    assert outcome.findings.packages == outcome.sealed == 9, summary
    assert outcome.blows.total() == len(SHORT.blows or ()), summary
    assert outcome.findings.files >= 27, summary
    assert outcome.ledger.resent() <= outcome.bound, summary
    assert dict(figures(outcome))["acknowledged bytes lost"] == "0"
    assert "| acknowledged bytes lost | 0 |" in page(outcome)


@pytest.mark.parametrize(("values", "share", "found"), [([1, 2, 3, 4], 0.5, 3), ([5], 0.95, 5)])
def test_percentiles(values: list[float], share: float, found: float) -> None:
    assert percentile(values, share) == found
