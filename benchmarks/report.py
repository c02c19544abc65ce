"""The figures as JSON and as docs/benchmarks.md. Says what kind of machine it was, never which."""

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.figures import Level
from benchmarks.first_sync import as_section

ROOT = Path(__file__).resolve().parents[1]
SCENARIOS = {
    "a": "(a) 25 answers, no photographs",
    "b": "(b) 25 answers, 3 photographs of 300 KB, by five requests, until the receipt is had",
    "b1": "(b) the same in one request, answered with the receipt",
    "c": "(c) pushed in batches of 20 packages as in (a); milliseconds are of a batch, the rest of a package",
    "a10": "(a) again at ten times the rows",
}

TARGETS = {"a": 200, "b": 75, "b1": 75, "c": 700}
"""What each is to reach a second, with 8 connections on a machine of this kind; of b by whichever door."""


@dataclass(slots=True)
class Report:
    """Everything one run found."""

    seconds_per_level: float
    api_processes: int
    levels: list[Level] = field(default_factory=list)
    rows_per_submission: dict[str, dict[str, int]] = field(default_factory=dict)
    derivatives: dict[str, float] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    slow_uploads: dict[str, Any] = field(default_factory=dict)
    first_sync: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)
    measured_at: str = ""

    def renewed_by(self, newer: "Report") -> "Report":
        """The newer figures, and of these what was not measured again; each level says when it was."""
        levels = {(level.scenario, level.connections): level for level in self.levels}
        for level in levels.values():
            level.measured_at = level.measured_at or self.measured_at
        levels |= {(level.scenario, level.connections): level for level in newer.levels}
        values = {**asdict(self), **{name: value for name, value in asdict(newer).items() if value}}
        values["rows_per_submission"] = {**self.rows_per_submission, **newer.rows_per_submission}
        return Report(**{**values, "levels": list(levels.values())}).in_order()

    def in_order(self) -> "Report":
        """Levels as the page shows them."""
        self.levels.sort(key=lambda level: (list(SCENARIOS).index(level.scenario), level.connections))
        return self

    def as_json(self) -> str:
        """Indented, keys as they are."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


def read_report(folder: Path = ROOT / "docs") -> Report:
    """The figures published last."""
    known = json.loads((folder / "benchmarks.json").read_text())
    return Report(**{**known, "levels": [Level(**level) for level in known["levels"]]})


def describe_machine(postgresql: str, system_load: float) -> dict[str, str]:
    """Cores, memory, processor model, kernel, Python, PostgreSQL; no name and no path."""
    return {
        "cores": str(psutil.cpu_count()),
        "processor": _processor(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "python": platform.python_version(),
        "postgresql": postgresql.split(" (")[0],
        "load of the machine before the run": f"{system_load:.2f}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    found = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return found[0] if found else platform.machine()


def write_report(report: Report, folder: Path = ROOT / "docs") -> list[Path]:
    """docs/benchmarks.json and docs/benchmarks.md."""
    data, page = folder / "benchmarks.json", folder / "benchmarks.md"
    data.write_text(report.as_json())
    page.write_text(as_markdown(report))
    return [data, page]


def as_markdown(report: Report) -> str:
    """The page."""
    parts = [_INTRODUCTION.format(date=report.measured_at[:10])]
    parts.append(
        "## The machine\n\n" + "\n".join(f"- {name}: {value}" for name, value in report.machine.items())
    )
    parts.append(
        f"- API processes: {report.api_processes}, one worker beside them, generator on the same cores"
    )
    for scenario, title in SCENARIOS.items():
        levels = [level for level in report.levels if level.scenario == scenario]
        if levels:
            parts.append(
                f"## {title}\n\n{_target(scenario, levels)}{_table(levels)}\n\n{_rows(report, scenario)}"
            )
    if report.first_sync:
        parts.append(as_section(report.first_sync))
    if report.slow_uploads:
        parts.append(_slow_uploads(report.slow_uploads))
    if report.levels:
        parts.append(_promises(report))
    if report.profile:
        parts.append(_profile(report.profile))
    return "\n\n".join(part for part in parts if part).replace(" KB\n\n- API", " KB\n- API") + "\n"


_INTRODUCTION = """# Benchmarks

Written by `make bench` (measured {date}, UTC); the same figures as data: `benchmarks.json`. Each level ran in a closed loop, for
the seconds given with it below: a connection sends its next request when it has the answer before. Packages are sealed, signed
and hashed before the clock starts. The service is `anshao serve --with-worker` on its embedded PostgreSQL with every durability
setting on.
An answer is a receipt: when it leaves, the package's bytes, its record, findings, hazards, fact sheet, verdicts, audit entries
and receipt are committed and synced. The worker examines photographs in the machine's spare time; under full load they wait, and
once one has waited five minutes they are examined under load too, as fast as they can be: how many were left at the end, and what
became of them, is said below. A *floor* is what the same machine does in the same run with nothing around it: pgbench writing the
same rows in one transaction, or hashing, writing and syncing the same bytes with as many threads as connections."""


def _target(scenario: str, levels: list[Level]) -> str:
    target = TARGETS.get(scenario)
    reached = [level.per_second for level in levels if level.connections == 8]
    if target is None or not reached:
        return ""
    verdict = "reached" if reached[0] >= target else "not reached"
    return f"Target with 8 connections: {target}/s; {verdict}.\n\n"


def _table(levels: list[Level]) -> str:
    floors = list(levels[0].floors)
    head = ["connections", "submissions/s", "slowest 10 s", "p50 ms", "p95 ms", "p99 ms"]
    for floor in floors:
        head += [f"{floor}/s", "share"]
    head += [f"CPU ms, {kind}" for kind in levels[0].cpu_ms_per_submission]
    rows = ["| " + " | ".join(head) + " |", "|" + "---:|" * len(head)]
    for level in levels:
        cells = [
            str(level.connections), f"**{level.per_second:.0f}**", f"{level.slowest_10_s_per_second:.0f}",
            f"{level.p50_ms:.1f}", f"{level.p95_ms:.1f}", f"{level.p99_ms:.1f}",
        ]  # fmt: skip
        for floor in floors:
            share = level.ratio(floor)
            cells += [f"{level.floors.get(floor, 0):.0f}", f"{share:.0%}" if share is not None else "—"]
        cells += [f"{value:.2f}" for value in level.cpu_ms_per_submission.values()]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _rows(report: Report, scenario: str) -> str:
    rows = report.rows_per_submission.get("b" if scenario == "b1" else scenario)
    if not rows:
        return ""
    listed = ", ".join(f"{table} {count}" for table, count in sorted(rows.items()))
    return f"Rows one submission leaves ({sum(rows.values())}): {listed}."


def _slow_uploads(found: dict[str, Any]) -> str:
    lines = [
        f"## (e) {found['uploads']} slow uploads of {found['bytes each'] / 1e6:.0f} MB at the same time", "",
        "Each upload is one PATCH of tus on a connection of its own, at an even pace. Memory is the resident memory of all API",
        "processes together, looked at twice a second; *another request* is `/readyz`, which asks database and storage.", "",
        "| | |", "|---|---:|",
    ]  # fmt: skip
    return "\n".join(lines + [f"| {name} | {value} |" for name, value in found.items()])


def _promises(report: Report) -> str:
    lines = ["## What was checked", ""]
    for level in report.levels:
        left = ", ".join(f"{count} {name}" for name, count in level.backlog.items())
        lines.append(
            f"- {level.scenario}, {level.connections} connections, {level.packages_before:,} packages before: "
            f"{level.submissions:,} submissions in {level.seconds:.0f} s, {level.unprocessed} unprocessed, "
            f"{level.receipts_verified:,} receipts verified. Left to the background at the end: {left}; done "
            f"{level.backlog_drained_seconds} s later. Measured {(level.measured_at or report.measured_at)[:10]}."
        )
    if report.derivatives:
        lines += ["", "Derivatives (1280 and 320 px of each photograph) are made by the worker afterwards: " + "; ".join(
            f"{name}: {value}" for name, value in report.derivatives.items()) + "."]  # fmt: skip
    return "\n".join(lines)


def _profile(profile: dict[str, Any]) -> str:
    lines = ["## Where the time goes", "", profile["explanation"], ""]
    lines += ["| statement of one submission | times | ms each |", "|---|---:|---:|"]
    lines += [f"| {row['statement']} | {row['times']} | {row['ms']} |" for row in profile["statements"]]
    lines += ["", "| part of the API process's time | share |", "|---|---:|"]
    lines += [f"| {name} | {share:.1%} |" for name, share in profile["parts"].items()]
    lines += ["", "| innermost code of ours | share |", "|---|---:|"]
    lines += [f"| {name} | {share:.1%} |" for name, share in profile["code"].items()]
    return "\n".join(lines)


def now() -> str:
    """This moment, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def system_load() -> float:
    """The one-minute load average."""
    return os.getloadavg()[0]
