"""`make bench`: measure submissions and write docs/benchmarks.{md,json}."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

import psycopg

from app.services.runtime import open_runtime
from benchmarks.city import BenchmarkCity, build_city
from benchmarks.first_sync import measure_first_sync
from benchmarks.growth import grow
from benchmarks.installation import Installation, installation
from benchmarks.profiling import profile_submissions
from benchmarks.report import (
    Report,
    as_markdown,
    describe_machine,
    now,
    read_report,
    system_load,
    write_report,
)
from benchmarks.scenarios import Bench
from benchmarks.slow_uploads import UPLOAD_SECONDS, UPLOADS, measure_slow_uploads


def main() -> int:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="5 s a level, 8 connections; prints, writes nothing"
    )
    parser.add_argument("--seconds", type=float, help="length of each level (60)")
    parser.add_argument("--connections", type=int, nargs="+", help="levels of load (1 8 32)")
    parser.add_argument(
        "--only",
        choices=["a", "b", "b1", "c", "d", "e", "a10", "profile"],
        nargs="+",
        help="only these parts",
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the published figures of what is not measured now"
    )
    parser.add_argument("--uploads", type=int, default=UPLOADS, help="slow uploads at the same time (500)")
    parser.add_argument("--upload-seconds", type=float, default=UPLOAD_SECONDS, help="what each takes (120)")
    parser.add_argument("--api-processes", type=int, default=2, help="API processes (2)")
    parser.add_argument(
        "--folder", type=Path, help="data folder; its disk is what is measured (a temporary one)"
    )
    parser.add_argument("--floor-seconds", type=int, help="length of each floor (10)")
    given = parser.parse_args()
    seconds = given.seconds or (5 if given.quick else 60)
    connections = given.connections or ([8] if given.quick else [1, 8, 32])
    parts = given.only or (
        ["a", "b", "b1", "c", "profile"] if given.quick else ["a", "b", "b1", "c", "e", "a10", "d", "profile"]
    )
    with tempfile.TemporaryDirectory(prefix="anshao-bench-") as temporary:
        folder = given.folder or Path(temporary) / "data"
        with installation(folder, given.api_processes) as installed:
            report = Report(seconds, given.api_processes, measured_at=now())
            report.machine = describe_machine(_postgresql(installed), system_load())
            floor_seconds = given.floor_seconds or (3 if given.quick else 10)
            city = _city(installed)
            _measure(Bench(installed, report, city, seconds, floor_seconds), parts, connections)
            if "e" in parts:
                report.slow_uploads = _slow_uploads(installed, city, given.uploads, given.upload_seconds)
            if "d" in parts:
                report.first_sync = asyncio.run(measure_first_sync(installed, city))
    if given.keep:
        report = read_report().renewed_by(report)
    if given.quick:
        sys.stdout.write(as_markdown(report))
    else:
        write_report(report)
    return 0


def _measure(bench: Bench, parts: list[str], connections: list[int]) -> None:
    installed, report = bench.installed, bench.report
    if {"a", "b", "b1", "c", "a10"} & set(parts):
        with installed.serving() as served:
            if {"a", "c", "a10"} & set(parts):  # what the others are compared with
                # the level that is repeated at ten times the rows comes first, while the database is small
                for count in sorted(connections, key=lambda count: count != 8):
                    bench.measure(served, "a", count)
            if "c" in parts:
                for count in connections:
                    bench.measure(served, "c", count)
            with_photographs = [scenario for scenario in ("b", "b1") if scenario in parts]
            for scenario in with_photographs:
                for count in connections:
                    bench.measure(served, scenario, count)
            if with_photographs:
                bench.drain_derivatives()
            if "a10" in parts:
                reference = next(level for level in report.levels if level.scenario == "a")
                target = 10 * (reference.packages_before + reference.submissions)
                grow(installed.database, target)
                bench.measure(served, "a10", reference.connections)
    if "profile" in parts:
        report.profile = profile_submissions(installed, bench)
    report.in_order()


def _slow_uploads(
    installed: Installation, city: BenchmarkCity, uploads: int, seconds: float
) -> dict[str, Any]:
    """On processes of its own, so that memory begins where a fresh service begins."""
    with installed.serving() as served:
        return measure_slow_uploads(installed, served, city.phones, uploads=uploads, seconds=seconds)


def _city(installed: Installation) -> BenchmarkCity:
    async def build() -> BenchmarkCity:
        async with open_runtime(installed.settings) as runtime, runtime.database.write() as session:
            return await build_city(session, runtime)

    return asyncio.run(build())


def _postgresql(installed: Installation) -> str:
    with psycopg.connect(installed.database) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    return str(row[0]) if row else ""


if __name__ == "__main__":
    raise SystemExit(main())
