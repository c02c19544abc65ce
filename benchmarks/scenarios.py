"""One level after the other: prepare, warm up, load, check what was promised, and measure the floors beside it."""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from app.services.runtime import open_runtime
from benchmarks.checks import backlog_of, check_done, count_packages, count_unexamined, wait_until_drained
from benchmarks.city import BenchmarkCity
from benchmarks.figures import Level, cpu_per_submission, percentile, slowest_window
from benchmarks.floors import disk_rate, pgbench_rate, rows_of_submission
from benchmarks.installation import ROOT, Installation, Served
from benchmarks.packages import (
    Submission,
    assign,
    base_photos,
    seal_batches,
    seal_many,
    write_plan,
)
from benchmarks.report import Report

WARM_UP_SECONDS = 2.0
HANGS_AFTER_SECONDS = 30
FIRST_GUESS = {"a": 700, "b": 300, "c": 60}
"""Submissions per second; of (c), pushes."""
ROWS_OF_A_PUSH = 20
DRAIN_WATCHED_SECONDS = 20


class Bench:
    """Measures levels of load on one installation and puts them into the report."""

    def __init__(
        self, installed: Installation, report: Report, city: BenchmarkCity, seconds: float, floor_seconds: int
    ) -> None:
        self.installed = installed
        self.report = report
        self._city = city
        self._seconds = seconds
        self._floor_seconds = floor_seconds
        self._photos = base_photos()
        self._floor_rows: dict[str, dict[str, list[str]]] = {}

    def measure(self, served: Served, scenario: str, connections: int) -> Level:
        """One level: `scenario` is a, b, b1 (b in one request), c or a10 (as a).

        Rates are of packages, milliseconds of whole submissions.
        """
        wanted = int(FIRST_GUESS[scenario[0]] * WARM_UP_SECONDS)
        _, warm = self.load(scenario, wanted, connections, WARM_UP_SECONDS)
        rate = len(warm["done"]) / max(warm["finished_at"])
        wait_until_drained(self.installed.database)
        before, packages_before = served.cpu_seconds(), count_packages(self.installed.database)
        number = int(rate * self._seconds * 2.2) + 10 * connections
        submissions, notes = self.load(scenario, number, connections, self._seconds, served)
        backlog = backlog_of(self.installed.database)
        drained = wait_until_drained(self.installed.database)
        after = served.cpu_seconds()
        acknowledged = [one for index in notes["done"] for one in submissions[index].package_ids]
        size = len(submissions[0].package_ids)
        unprocessed, verified = check_done(self.installed.database, acknowledged, self._published())
        cpu = cpu_per_submission(before, after, len(acknowledged))
        cpu["generator"] = round(notes["cpu_seconds"] * 1000 / len(acknowledged), 2)
        level = Level(
            scenario, connections, round(max(notes["finished_at"]), 1), len(acknowledged),
            round(len(acknowledged) / max(notes["finished_at"]), 1),
            round(slowest_window(notes["finished_at"]) * size, 1),
            *(percentile(notes["milliseconds"], share) for share in (0.5, 0.95, 0.99)),
            cpu, packages_before, unprocessed, verified, backlog, drained,
        )  # fmt: skip
        self._add_floors(level, submissions[notes["done"][0]])
        self.report.levels.append(level)
        _say(level)
        return level

    def load(
        self,
        scenario: str,
        number: int,
        connections: int,
        seconds: float,
        served: Served | None = None,
    ) -> tuple[list[Submission], dict[str, Any]]:
        """Prepare that many submissions and let the generator make as many of them as it can in the time."""
        if scenario == "c":
            made = seal_batches(self._city, number, ROWS_OF_A_PUSH, self.installed.address)
        else:
            photos, in_one = self._photos if scenario[0] == "b" else [], scenario == "b1"
            made = seal_many(self._city, number, photos, self.installed.address, in_one=in_one)
        submissions = list(made)
        asyncio.run(self._assign(submissions))
        plan, result = self.installed.folder / "plan", self.installed.folder / "result.json"
        write_plan(plan, submissions)
        host, port = self.installed.address.split(":")
        command = [sys.executable, "-m", "benchmarks.load", str(plan), str(result), host, port, str(connections),
                   str(seconds)]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True, timeout=seconds + HANGS_AFTER_SECONDS)
        plan.unlink()
        notes = json.loads(result.read_text())
        if notes["failures"]:
            log = (self.installed.folder / "serve.log").read_text().splitlines()
            warnings = [line[:2000] for line in log if '"level": "info"' not in line][-5:]
            raise RuntimeError("\n".join([f"the load failed: {notes['failures'][0]}", *warnings]))
        if notes["is_exhausted"] and served is not None:
            raise RuntimeError("too few packages had been prepared: the last seconds were not under load")
        return submissions, notes

    async def _assign(self, submissions: Sequence[Submission]) -> None:
        async with open_runtime(self.installed.settings) as runtime:
            for start in range(0, len(submissions), 5_000):
                async with runtime.database.write() as session:
                    await assign(session, submissions[start : start + 5_000])

    def _published(self) -> list[dict[str, str]]:
        url = f"http://{self.installed.address}/public/v1/keys"
        keys: list[dict[str, str]] = httpx.get(url, trust_env=False).raise_for_status().json()["keys"]
        return keys

    def _add_floors(self, level: Level, example: Submission) -> None:
        kind, size = level.scenario[0], len(example.package_ids)
        if kind not in self._floor_rows:
            self._floor_rows[kind] = rows_of_submission(self.installed.database, example.package_ids[0])
            counts = Counter({table: len(rows) for table, rows in self._floor_rows[kind].items()})
            self.report.rows_per_submission[kind] = dict(counts)
        rate = pgbench_rate(
            self.installed.database, self._floor_rows[kind], level.connections, self._floor_seconds, size
        )
        if rate is not None:
            level.floors["pgbench, same rows"] = round(rate * size, 1)
        sizes = [example.sealed_bytes, *(photo.size for photo in self._photos[:3] if kind == "b")]
        folder = Path(self.installed.folder) / "floor"
        rate = disk_rate(folder, sizes, level.connections, self._floor_seconds / 2)
        level.floors["hash + fsync, same bytes"] = round(rate * size, 1)
        if kind == "c":
            level.floors["one PUT each (a)"] = self._rate_of_puts(level.connections)

    def _rate_of_puts(self, connections: int) -> float:
        """What scenario (a) did in the same run; 0 when it was not measured."""
        found = [one for one in self.report.levels if (one.scenario, one.connections) == ("a", connections)]
        return found[0].per_second if found else 0.0

    def drain_derivatives(self) -> None:
        """How fast the worker makes derivatives when nothing else is done, from what the load has left."""
        before, began = count_unexamined(self.installed.database), time.monotonic()
        until = began + DRAIN_WATCHED_SECONDS
        left = before
        while time.monotonic() < until and left:
            time.sleep(0.5)
            left = count_unexamined(self.installed.database)
        elapsed = time.monotonic() - began
        self.report.derivatives = {
            "photographs waiting after the load": before,
            "drained per second with the API idle": round((before - left) / elapsed, 1) if before else 0.0,
        }


def _say(level: Level) -> None:
    floors = ", ".join(
        f"{name} {value:.0f}/s ({level.ratio(name) or 0:.0%})" for name, value in level.floors.items()
    )
    sys.stderr.write(
        f"{level.scenario} x{level.connections}: {level.per_second:.1f}/s  p50 {level.p50_ms:.1f} p95 {level.p95_ms:.1f} "
        f"p99 {level.p99_ms:.1f} ms  CPU {level.cpu_ms_per_submission}  floors: {floors}\n"
    )
