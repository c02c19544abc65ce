"""What a run gives: percentiles, rates, and the figures of one level of load."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Level:
    """One scenario at one number of connections. Milliseconds are of whole submissions, first byte sent to last answer had."""

    scenario: str
    connections: int
    seconds: float
    submissions: int
    per_second: float
    slowest_10_s_per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_ms_per_submission: dict[str, float]
    packages_before: int
    unprocessed: int
    receipts_verified: int
    backlog: dict[str, int]
    backlog_drained_seconds: float
    floors: dict[str, float] = field(default_factory=dict)
    measured_at: str = ""

    def ratio(self, floor: str) -> float | None:
        """Our rate as a share of a floor's."""
        return round(self.per_second / self.floors[floor], 3) if self.floors.get(floor) else None


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * share // 1).__int__() - 1))]


def slowest_window(finished_at: Sequence[float], window: float = 10.0) -> float:
    """Submissions per second in the slowest whole window of that many seconds; the whole run when it is shorter."""
    end = max(finished_at)
    whole = int(end // window)
    if whole < 1:
        return len(finished_at) / end
    counts = [0] * whole
    for moment in finished_at:
        if moment < whole * window:
            counts[int(moment // window)] += 1
    return min(counts) / window


def cpu_per_submission(before: dict[str, Any], after: dict[str, Any], submissions: int) -> dict[str, float]:
    """Milliseconds of processor time per submission, by kind of process."""
    return {kind: round((after[kind] - before[kind]) * 1000 / submissions, 2) for kind in after}
