"""(d) A phone's first synchronisation, and what it costs to hear that nothing has changed, beside a million change rows.

One officer of a district with 5,000 enterprises, as many sites and 2,000 open hazards, each with a photograph, pulls every
collection through the served API, page by page, as a phone does. Then a million changes happen elsewhere in the city.
"""

import time
from collections.abc import Sequence
from typing import Any

import httpx
import psycopg

from app.enums.sync import SyncCollection
from app.jobs.relay import assign_positions, keep_epoch
from app.services.runtime import open_runtime
from benchmarks.city import BenchmarkCity
from benchmarks.enterprise_search import fill
from benchmarks.figures import percentile
from benchmarks.installation import Installation, Served

ENTERPRISES, HAZARDS, CHANGES = 5_000, 2_000, 1_000_000
ASKED = 100
PAGE = {SyncCollection.PACKAGES: 50}
TARGETS = {"first sync": "< 3 s, < 3 MB", "empty delta": "< 10 ms"}

_SITES = """
INSERT INTO sites (id, version, created_at, updated_at, enterprise_id, region_id, name, address, latitude, longitude, is_active)
SELECT gen_random_uuid(), 1, now(), now(), e.id, e.region_id, '一号厂区', '工业大道' || (random() * 999)::int || '号',
       30000000 + (random() * 500000)::int, 120000000 + (random() * 500000)::int, true
  FROM enterprises e WHERE e.uscc IS NOT NULL
"""
_HAZARDS = """
WITH chosen AS (
    SELECT s.id AS site_id, s.enterprise_id, s.region_id, gen_random_uuid() AS photo, row_number() OVER () AS n
      FROM sites s WHERE s.enterprise_id IN (SELECT id FROM enterprises WHERE uscc IS NOT NULL) LIMIT %(count)s),
hazards AS (
    INSERT INTO hazards (id, version, created_at, updated_at, number, authority_id, enterprise_id, site_id, region_id, level,
                         source, description, item_code, found_on, evidence_ids, status, due_on)
    SELECT gen_random_uuid(), 1, now(), now(), '安应急患〔2026〕第' || n || '号（首次同步）', %(authority)s,
           enterprise_id, site_id, region_id, 'general', 'inspection',
           '喷漆房可燃气体报警器未定期校准，第' || n || '处', 'RTO-' || (n %% 30), current_date - 9,
           ARRAY[photo], 'ordered', current_date + (n %% 30)::int FROM chosen RETURNING id, region_id, evidence_ids),
photos AS (
    INSERT INTO evidence_files (id, hazard_id, user_id, region_id, is_claimed, sha256, size, media_type, storage_key,
                                received_at, examined_at, attempts, flags)
    SELECT evidence_ids[1], id, %(user)s, region_id, true, 'sha-256:' || encode(sha256(id::text::bytea), 'hex'), 300000,
           'image/jpeg', 'originals/' || id, now(), now(), 1, '{}' FROM hazards RETURNING id)
INSERT INTO evidence_derivatives (evidence_id, pixels, width, height, size, sha256, storage_key, made_at)
SELECT id, pixels, pixels, pixels * 3 / 4, pixels * 60, 'sha-256:' || encode(sha256((id::text || pixels)::bytea), 'hex'),
       'derivatives/' || id || pixels, now() FROM photos CROSS JOIN unnest(ARRAY[320, 1280]) AS pixels
"""
_CHANGES = """
WITH elsewhere AS (SELECT array_agg(id) AS ids FROM regions WHERE path LIKE '/B/B%%' AND path NOT LIKE '/B/B0%%'),
kinds AS (SELECT ARRAY['enterprise', 'site', 'hazard', 'package', 'evidence'] AS names)
INSERT INTO changes (position, at, kind, object_id, version, region_id)
SELECT f.last_position + n, now(), names[1 + n %% 5], gen_random_uuid(), 1, ids[1 + n %% array_length(ids, 1)]
  FROM change_feed f, elsewhere, kinds, generate_series(1, %(count)s) AS n
"""


async def measure_first_sync(installed: Installation, city: BenchmarkCity) -> dict[str, Any]:
    """Fill the district of the first phone, pull everything, let a million changes pass, ask again."""
    await _fill(installed, city)
    with (
        installed.serving() as served,
        httpx.Client(base_url=f"http://{installed.address}", timeout=120, trust_env=False) as http,
    ):
        http.headers["Authorization"] = f"Bearer {city.phones[0].token}"
        _pull_all(http, "gzip")  # the first request of a process pays for what it reads once
        first = {}
        for encoding in ("identity", "gzip", "zstd"):
            before = _busy(served)
            first[encoding] = _pull_all(http, encoding) | {"cpu_s": round(_busy(served) - before, 2)}
        cursors = first["gzip"].pop("cursors")
        for other in ("identity", "zstd"):
            first[other].pop("cursors")
        with psycopg.connect(installed.database, autocommit=True) as connection:
            connection.execute(_CHANGES, {"count": CHANGES})
            connection.execute("UPDATE change_feed SET last_position = (SELECT max(position) FROM changes)")
            connection.execute("VACUUM ANALYZE changes")
        behind, deltas = {}, {}
        before = _busy(served)
        for name, cursor in cursors.items():
            behind[name], documents, head = _ask(http, name, cursor)
            assert documents == 0, f"{name}: {documents} documents from elsewhere"
            taken = [_ask(http, name, head)[0] for _ in range(ASKED)]
            deltas[name] = {"p50_ms": percentile(taken, 0.5), "p95_ms": percentile(taken, 0.95)}
        asked = len(cursors) * (ASKED + 1)
        cpu_ms = round((_busy(served) - before) * 1000 / asked, 2)
    return {
        "enterprises": ENTERPRISES,
        "hazards": HAZARDS,
        "changes": CHANGES,
        "first": first,
        "empty_delta": deltas,
        "empty_delta_cpu_ms": cpu_ms,
        "past_a_million_foreign_changes_ms": behind,
    }


def _busy(served: Served) -> float:
    """Seconds of processor time of the API and PostgreSQL so far: what a busy machine does not change much."""
    used = served.cpu_seconds()
    return used["api"] + used["postgresql"]


async def _fill(installed: Installation, city: BenchmarkCity) -> None:
    async with open_runtime(installed.settings) as runtime, runtime.database.write() as session:
        await keep_epoch(session)  # or the worker's first start would, in the midst of it
        await assign_positions(session, 1_000_000)
        await fill(session, [place.region_id for place in city.places[0]], ENTERPRISES)
    with psycopg.connect(installed.database, autocommit=True) as connection:
        connection.execute(_SITES)
        given = {"count": HAZARDS, "authority": city.authority_id, "user": city.phones[0].user_id}
        connection.execute(_HAZARDS, given)
        connection.execute("VACUUM ANALYZE")


def _pull_all(http: httpx.Client, encoding: str) -> dict[str, Any]:
    """Every collection once: seconds, bytes as they travelled, documents; and the cursors at the end."""
    began, travelled, documents, requests = time.perf_counter(), 0, 0, 0
    cursors = {}
    for name in SyncCollection:
        params: dict[str, Any] = {"limit": PAGE.get(name, 1_000)}
        while True:
            path = f"/mobile/v1/sync/{name}/pull"
            with http.stream("GET", path, params=params, headers={"Accept-Encoding": encoding}) as answer:
                answer.raise_for_status()
                body = answer.read()
                travelled += answer.num_bytes_downloaded
            page = httpx.Response(200, content=body).json()
            documents, requests = documents + len(page["documents"]), requests + 1
            params["cursor"] = cursors[name.value] = page["checkpoint"]["cursor"]
            if not page["has_more"]:
                break
    seconds = time.perf_counter() - began
    return {
        "seconds": round(seconds, 2),
        "megabytes": round(travelled / 1e6, 2),
        "documents": documents,
        "requests": requests,
        "cursors": cursors,
    }


def _ask(http: httpx.Client, name: str, cursor: str) -> tuple[float, int, str]:
    """Milliseconds of one pull, from the request to the last byte; how many documents came; the cursor after it."""
    began = time.perf_counter()
    answer = http.get(f"/mobile/v1/sync/{name}/pull", params={"cursor": cursor})
    milliseconds = (time.perf_counter() - began) * 1000
    page = answer.raise_for_status().json()
    return round(milliseconds, 1), len(page["documents"]), page["checkpoint"]["cursor"]


def as_section(found: dict[str, Any]) -> str:
    """The part of the page."""
    lines = [
        "## (d) First synchronisation of a phone, and the empty delta",
        "",
        f"{found['enterprises']:,} enterprises with a site each and {found['hazards']:,} open hazards with a photograph each, all "
        f"collections, page by page (target {TARGETS['first sync']} compressed).",
        "",
        *_table(
            ["encoding", "seconds", "MB", "documents", "requests", "CPU s, API and PostgreSQL"],
            [[name, *(str(value) for value in row.values())] for name, row in found["first"].items()],
        ),
        "",
        f"With {found['changes']:,} change rows, asked by HTTP from the same machine (target {TARGETS['empty delta']} of server "
        f"time; API and PostgreSQL together use {found['empty_delta_cpu_ms']} ms of processor time for one). *Past a million*: the "
        "first pull after all of them happened in other districts.",
        "",
        *_table(
            ["collection", "empty delta p50 ms", "p95 ms", "past a million ms"],
            [
                [name, f"{row['p50_ms']:.1f}", f"{row['p95_ms']:.1f}",
                 f"{found['past_a_million_foreign_changes_ms'][name]:.1f}"]
                for name, row in found["empty_delta"].items()
            ],
        ),
    ]  # fmt: skip
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    listed = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return [*listed, *("| " + " | ".join(row) + " |" for row in rows)]
