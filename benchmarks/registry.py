"""Reading a registry of a million hazards: `python -m benchmarks.registry`. Prints what each kind of question takes by the API.

The rows are made in a database of its own by generate_series: a city of 64 towns, five years of findings, most of them closed.
A few hundred of them are changed afterwards and not folded, as the worker's last second leaves them. Every question is asked as
the console asks it, authentication and JSON and all, by somebody who sees the whole city. The last lines tell what the same
counters, and the map, cost when the rows themselves are counted, and what an export of everything takes.
"""

import argparse
import asyncio
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings
from app.core.clock import utc_now
from app.core.ids import new_id
from app.http.logs import configure_logs
from app.main import create_app
from app.models.identity import LoginSession
from app.services.hazards.exporting import work_off
from app.services.hazards.folding import fold_changes, recount
from app.services.identity.tokens import issue_access_token
from app.services.runtime import Runtime
from benchmarks.city import build_city
from benchmarks.figures import percentile
from benchmarks.installation import installation

ENTERPRISES = 20_000
TRADES = (
    "metallurgy",
    "nonferrous",
    "building_materials",
    "machinery",
    "light_industry",
    "textile",
    "tobacco",
)
CLAUSES = [f"MEM10-{article}-{item}" for article in range(4, 14) for item in range(1, 7)]
CHANGED = 300
"""Hazards changed since the last fold."""

_ENTERPRISES = """
INSERT INTO enterprises (id, version, created_at, updated_at, substitute_mark, name, name_folded, name_bigrams, region_id,
                         regulated_trades, is_labour_intensive, is_active)
SELECT gen_random_uuid(), 1, now(), now(), 'R' || n, '安州市第' || n || '厂', '安州市第' || n || '厂', '{}',
       (%(towns)s::uuid[])[1 + n %% %(number)s], ARRAY[(%(trades)s::text[])[1 + (random() * 6)::int]], false, true
  FROM generate_series(1, %(rows)s) n
"""
_SITES = """
INSERT INTO sites (id, version, created_at, updated_at, enterprise_id, region_id, name, latitude, longitude, declared_datum,
                   is_active)
SELECT gen_random_uuid(), 1, now(), now(), e.id, e.region_id, '厂区', 30000000 + (random() * 600000)::int,
       120000000 + (random() * 600000)::int, 'wgs84', true
  FROM enterprises e WHERE e.substitute_mark LIKE 'R%%'
"""
_PLACES = "CREATE TEMP TABLE places AS SELECT row_number() OVER () AS n, enterprise_id, id AS site_id, region_id FROM sites"
_HAZARDS = """
INSERT INTO hazards (id, version, created_at, updated_at, number, authority_id, enterprise_id, site_id, region_id, level, clause,
                     major_since, source, item_code, description, found_on, evidence_ids, status, due_on, closed_on)
SELECT uuidv7(-(g.n * 2.6 || ' minutes')::interval), 1, now(), now(), '患' || g.n, %(authority)s, p.enterprise_id, p.site_id,
       p.region_id, CASE WHEN g.is_major THEN 'major' ELSE 'general' END,
       CASE WHEN g.is_major THEN (%(clauses)s::text[])[1 + (random() * 59)::int] END,
       CASE WHEN g.is_major THEN g.found_on END, 'inspection', 'RTO-0' || g.n %% 9, '未按规定设置可燃气体报警装置', g.found_on,
       '{}', g.status, CASE g.status WHEN 'found' THEN NULL WHEN 'closed' THEN g.found_on + 15
                 ELSE current_date + (random() * 90)::int - 20 END,
       CASE WHEN g.status = 'closed' THEN g.found_on + 20 END
  FROM (SELECT n, 1 + floor(random() * %(places)s)::int AS place, random() < 0.05 AS is_major,
               (now() - (n * 2.6 || ' minutes')::interval)::date AS found_on,
               CASE WHEN random() < %(open)s THEN (%(states)s::text[])[1 + (random() * 4)::int] ELSE 'closed' END AS status
          FROM generate_series(1, %(rows)s) n) g
  JOIN places p ON p.n = g.place
"""
_RECURRENCES = """
INSERT INTO hazard_recurrences (hazard_id, ground, earlier_id, closed_on, days, created_at)
SELECT h.id, 'item', h.id, h.found_on, 30, now() FROM hazards h WHERE random() < 0.01
"""
_CHANGES = """
WITH changed AS (
    UPDATE hazards SET status = 'ordered', due_on = current_date, version = 2, closed_on = NULL
     WHERE id IN (SELECT id FROM hazards ORDER BY id DESC LIMIT %(changed)s) RETURNING id)
INSERT INTO changes (at, kind, object_id, version) SELECT now(), 'hazard', id, 2 FROM changed
"""
_BY_ROWS = """
SELECT level, status, count(*), count(*) FILTER (WHERE status = 'ordered' AND due_on < current_date)
  FROM hazards WHERE region_id = ANY(%(regions)s) GROUP BY 1, 2
"""
_MAP_BY_ROWS = """
SELECT (latitude + 90000000) / 175781, (longitude + 180000000) / 175781, count(*), sum(hazards)::int, sum(major)::int,
       sum(overdue)::int
  FROM (SELECT s.id, s.latitude, s.longitude, count(*)::int AS hazards, (count(*) FILTER (WHERE h.level = 'major'))::int AS major,
               (count(*) FILTER (WHERE h.status = 'ordered' AND h.due_on < current_date))::int AS overdue
          FROM sites s JOIN hazards h ON h.site_id = s.id
         WHERE h.region_id = ANY(%(regions)s) AND h.status <> 'closed' AND h.merged_into_id IS NULL GROUP BY s.id) places
 GROUP BY 1, 2
"""
_TABLES = (
    "hazards",
    "counted_hazards",
    "hazard_tallies",
    "hazard_site_tallies",
    "hazard_recurrences",
    "enterprises",
    "sites",
    "changes",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of question: its address and the parameters of the n-th one."""

    name: str
    path: str
    parameters: Callable[[random.Random], dict[str, Any]]


def kinds(districts: Sequence[UUID], towns: Sequence[UUID], enterprises: Sequence[UUID]) -> list[Kind]:
    """The questions."""
    totals, counts, on_map = "/api/v1/hazards/totals", "/api/v1/hazards/counts", "/api/v1/hazards/map"

    def by(dimension: str, name: str = "", **more: Callable[[random.Random], Any]) -> Kind:
        def parameters(chance: random.Random) -> dict[str, Any]:
            return {"by": dimension, **{key: choose(chance) for key, choose in more.items()}}

        return Kind(f"totals by {dimension}{name}", totals, parameters)

    def box(zoom: int) -> Kind:
        def parameters(chance: random.Random) -> dict[str, Any]:
            width = 360 / 2**zoom * 5
            west, south = 120 + chance.random() * 0.5, 30 + chance.random() * 0.5
            sides = {"west": west, "east": west + width, "south": south, "north": south + width}
            return {"zoom": zoom, **sides}

        return Kind(f"map, a screen at zoom {zoom}", on_map, parameters)

    return [
        *(by(dimension) for dimension in ("region", "district", "level", "trade", "clause", "status")),
        by("status", ", one town", region_id=lambda chance: str(chance.choice(towns))),
        by("clause", ", one district, major", region_id=lambda chance: str(chance.choice(districts)), level=lambda _: "major"),
        by("district", ", one trade", trade=lambda chance: chance.choice(TRADES)),
        by("district", ", one clause", clause=lambda chance: chance.choice(CLAUSES)),
        by("region", ", overdue", overdue=lambda _: True),
        Kind("counts", counts, lambda _: {}),
        Kind("counts, one enterprise", counts, lambda chance: {"enterprise_id": str(chance.choice(enterprises))}),
        Kind("list, overdue", "/api/v1/hazards", lambda _: {"overdue": True}),
        Kind("map, the whole city", on_map, lambda _: {"zoom": 9}),
        box(11),
        box(14),
        box(17),
        Kind("risk of one enterprise", "/api/v1/enterprises/{}/risk", lambda chance: {"": str(chance.choice(enterprises))}),
    ]  # fmt: skip


async def fill(address: str, authority: UUID, towns: list[UUID], rows: int, open_share: float) -> None:
    """The rows, without the checks that would look at each of them again."""
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as plain:
        await plain.execute("SET session_replication_role = replica")
        given = {"towns": towns, "number": len(towns), "trades": list(TRADES), "rows": ENTERPRISES}
        await plain.execute(_ENTERPRISES, given)
        await plain.execute(_SITES)
        await plain.execute(_PLACES)
        places = await (await plain.execute("SELECT count(*) FROM places")).fetchone()
        assert places is not None
        values = {
            "authority": authority, "clauses": CLAUSES, "places": places[0], "open": open_share, "rows": rows,
            "states": ["found", "ordered", "ordered", "rectified", "reinspected"],
        }  # fmt: skip
        await plain.execute(_HAZARDS, values)
        await plain.execute(_RECURRENCES)


async def _user_of_the_city(session: AsyncSession, runtime: Runtime, user_id: UUID) -> str:
    """Make the user a supervisor of the whole city; gives a token of a login at a desk."""
    city = "(SELECT id FROM regions WHERE level = 'city')"
    grant = f"UPDATE role_grants SET role = 'supervisor', region_id = {city} WHERE user_id = :id"
    await session.execute(text(grant), {"id": user_id})
    opened = LoginSession(id=new_id(), user_id=user_id, expires_at=utc_now() + timedelta(hours=2))
    session.add(opened)
    await session.flush()
    return issue_access_token(runtime.keys, minutes=120, session_id=opened.id)


async def measure(settings: Settings, rows: int, repeats: int, open_share: float) -> None:
    """Make the city and its registry, ask, print."""
    configure_logs("error")
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        runtime: Runtime = app.state.runtime
        async with runtime.database.write() as session:
            city = await build_city(session, runtime)
            regions = (await session.execute(text("SELECT id, level FROM regions"))).all()
            token = await _user_of_the_city(session, runtime, city.phones[0].user_id)
        towns = [row.id for row in regions if row.level == "town"]
        districts = [row.id for row in regions if row.level == "district"]
        await fill(runtime.address, city.authority_id, towns, rows, open_share)
        started = time.perf_counter()
        async with runtime.database.write() as session:
            await recount(session)
        print(f"counting all of them anew: {time.perf_counter() - started:.1f} s", flush=True)
        async with await psycopg.AsyncConnection.connect(runtime.address, autocommit=True) as plain:
            await plain.execute("VACUUM (ANALYZE) " + ", ".join(_TABLES))
            await plain.execute(_CHANGES, {"changed": CHANGED})
            found = await (await plain.execute("SELECT id FROM enterprises ORDER BY id LIMIT 500")).fetchall()
            transport = httpx.ASGITransport(app=app)
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(
                transport=transport, base_url="http://bench", headers=headers
            ) as http:
                for kind in kinds(districts, towns, [row[0] for row in found]):
                    print(await _line(http, kind, repeats), flush=True)
                everywhere = [row.id for row in regions]
                for name, statement in (
                    ("level and state", _BY_ROWS),
                    ("map, the whole city,", _MAP_BY_ROWS),
                ):
                    print(
                        await _by_rows(plain, f"({name} by rows)", statement, everywhere, repeats), flush=True
                    )
                await _fold(runtime)
                print(await _export(runtime, http), flush=True)


async def _line(http: httpx.AsyncClient, kind: Kind, repeats: int) -> str:
    """One line of the table."""
    chance, taken, size = random.Random(kind.name), [], 0
    for number in range(repeats + 3):
        parameters = kind.parameters(chance)
        path = kind.path.format(parameters.pop("", ""))
        started = time.perf_counter()
        answer = await http.get(path, params=parameters)
        if number >= 3:  # the first ones warm caches
            taken.append(time.perf_counter() - started)
        answer.raise_for_status()
        size = len(answer.content)
    return _row(kind.name, taken, f"{size:,} bytes")


async def _by_rows(
    plain: psycopg.AsyncConnection[Any], name: str, statement: str, regions: list[UUID], repeats: int
) -> str:
    taken = []
    for _ in range(max(5, repeats // 5)):
        started = time.perf_counter()
        await (await plain.execute(statement, {"regions": regions})).fetchall()
        taken.append(time.perf_counter() - started)
    return _row(name, taken, "the statement alone")


def _row(name: str, taken: list[float], remark: str) -> str:
    return f"{name:<40}{percentile(taken, 0.5) * 1000:9.1f}{percentile(taken, 0.95) * 1000:9.1f}   {remark}"


async def _fold(runtime: Runtime) -> None:
    """What the worker does each second, once."""
    async with runtime.database.write() as session:
        await session.execute(text("UPDATE changes SET position = id WHERE position IS NULL"))
        await session.execute(
            text("UPDATE change_feed SET last_position = (SELECT max(position) FROM changes)")
        )
    started = time.perf_counter()
    async with runtime.database.write() as session:
        await fold_changes(session, 10_000_000)
    print(f"folding {CHANGED} changes: {(time.perf_counter() - started) * 1000:.0f} ms", flush=True)


async def _export(runtime: Runtime, http: httpx.AsyncClient) -> str:
    """Everything as CSV, worked off in this process."""
    headers = {"Idempotency-Key": new_id().hex}
    answer = await http.post("/api/v1/hazards/exports", params={"format": "csv"}, headers=headers)
    answer.raise_for_status()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    await work_off(runtime, UUID(answer.json()["id"]))
    seconds = time.perf_counter() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    done = (await http.get(f"/api/v1/hazards/exports/{answer.json()['id']}")).json()
    size = done["size"] / 2**20
    return f"export as CSV: {done['rows_done']:,} rows, {size:.0f} MiB in {seconds:.0f} s; the process grew by {grown:.0f} MiB"


def main() -> int:
    """Parse, make, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.registry", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="hazards (1000000)")
    parser.add_argument("--open", type=float, default=0.2, help="share of them that is not closed (0.2)")
    parser.add_argument("--repeats", type=int, default=60, help="questions of each kind (60)")
    given = parser.parse_args()
    print(
        f"{given.rows:,} hazards, {given.open:.0%} open, {ENTERPRISES:,} enterprises, {given.repeats} questions of each kind; ms"
    )
    print(f"{'':<40}{'p50':>9}{'p95':>9}")
    with (
        tempfile.TemporaryDirectory(prefix="anshao-registry-") as folder,
        installation(Path(folder) / "data", 1) as installed,
    ):
        settings = installed.settings.model_copy(update={"log_level": "error"})
        asyncio.run(measure(settings, given.rows, given.repeats, given.open))
    return 0


if __name__ == "__main__":
    sys.exit(main())
