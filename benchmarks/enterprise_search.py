"""The search among 100,000 enterprises: `python -m benchmarks.enterprise_search`. Prints, for each kind of query, what it takes.

Each kind is asked many times with different words: through the API as the console asks it (authentication, JSON and all), and
as the one statement alone. The floor beside them fetches the same rows by their ids with plain psycopg: nothing that finds
them can be faster.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import textwrap
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings
from app.core.clock import utc_now
from app.core.ids import new_id
from app.core.uscc import check_character
from app.http.logs import configure_logs
from app.main import create_app
from app.models.enterprises import Enterprise
from app.models.identity import LoginSession
from app.services.enterprises.repository import EnterpriseFilter, search_statement
from app.services.identity.tokens import issue_access_token
from app.services.runtime import Runtime
from benchmarks.city import build_city
from benchmarks.figures import percentile
from benchmarks.installation import installation

BATCH = 5_000
LIMIT = 50
PLACES = "安东西南北江河湖海山石桥龙凤金银福新华中天宝兴盛和平永长"
WORDS = textwrap.wrap("东风顺达恒通宏远嘉禾金陵锦绣康泰联创明辉鹏程瑞丰三和泰安万里祥云永固正大卓越华新", 2)
TRADES = textwrap.wrap("涂装铸造冷链家具印染化纤水产机电模具包装五金塑胶食品粮油木业纸业电镀汽配建材玻璃", 2)
KINDS = ["有限公司", "股份有限公司", "厂", "加工部", "有限责任公司", "经营部"]
REGULATED = ("machinery", "light_industry", "textile", "building_materials", "metallurgy")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of query: the parameters of the n-th one."""

    name: str
    parameters: Callable[[random.Random], dict[str, Any]]


def _name(chance: random.Random) -> str:
    place = "".join(chance.choice(PLACES) for _ in range(2))
    latin = f" {chance.choice('ABCDEFGH')}{chance.randrange(1000)}" if chance.random() < 0.05 else ""
    return f"{place}市{chance.choice(WORDS)}{chance.choice(TRADES)}{latin}{chance.choice(KINDS)}"


def _uscc(chance: random.Random) -> str:
    first = f"91{chance.randrange(330100, 330130)}{chance.randrange(10**9):09}"
    return first + check_character(first)


def _kinds(districts: Sequence[UUID], codes: Sequence[str]) -> list[Kind]:
    return [
        Kind("two characters, common", lambda chance: {"name": chance.choice(WORDS)}),
        Kind("four characters", lambda chance: {"name": chance.choice(WORDS) + chance.choice(TRADES)}),
        Kind("place and word, rare", lambda chance: {"name": _name(chance)[:5]}),
        Kind("one character", lambda chance: {"name": chance.choice(PLACES)}),
        Kind("one character, never seen", lambda chance: {"name": chance.choice("鑫淼焱垚龘")}),
        Kind("in nearly every name", lambda _: {"name": "有限"}),
        Kind("common pairs, no such name", lambda chance: {"name": chance.choice(TRADES) + chance.choice(WORDS)}),
        Kind("letters and digits", lambda chance: {"name": f"{chance.choice('abcdefgh')}{chance.randrange(100)}"}),
        Kind("credit code, 10 characters", lambda chance: {"uscc": chance.choice(codes)[:10]}),
        Kind("credit code, whole", lambda chance: {"uscc": chance.choice(codes)}),
        Kind("district", lambda chance: {"region_id": str(chance.choice(districts))}),
        Kind(
            "district and two characters",
            lambda chance: {"region_id": str(chance.choice(districts)), "name": chance.choice(WORDS)},
        ),
        Kind("trade", lambda chance: {"trade": f"C{chance.randrange(13, 43)}"}),
        Kind("regulated trade", lambda chance: {"regulated_trade": chance.choice(REGULATED)}),
        Kind("risk grade", lambda chance: {"risk_grade": chance.choice(("red", "blue"))}),
        Kind(
            "trade and two characters",
            lambda chance: {"trade": f"C{chance.randrange(13, 43)}", "name": chance.choice(WORDS)},
        ),
        Kind("no filter", lambda _: {}),
    ]  # fmt: skip


async def fill(session: AsyncSession, towns: Sequence[UUID], rows: int) -> list[str]:
    """That many enterprises, spread over the towns; gives some of their codes."""
    chance = random.Random(1)
    used: set[str] = set()
    for begin in range(0, rows, BATCH):
        batch = []
        while len(batch) < min(BATCH, rows - begin):
            code = _uscc(chance)
            if code not in used:
                used.add(code)
                batch.append(_row(chance, code, towns))
        await session.execute(insert(Enterprise), batch)
    await session.execute(text("ANALYZE enterprises"))
    return sorted(used)[:: max(1, rows // 500)]


def _row(chance: random.Random, code: str, towns: Sequence[UUID]) -> dict[str, Any]:
    return {
        "id": new_id(), "uscc": code, "name": _name(chance), "region_id": chance.choice(towns),
        "trade_code": f"C{chance.randrange(13, 43)}", "regulated_trades": [chance.choice(REGULATED)],
        "risk_grade": chance.choices(("red", "orange", "yellow", "blue"), (1, 5, 30, 64))[0],
    }  # fmt: skip


async def _console_token(session: AsyncSession, runtime: Runtime, user_id: UUID) -> str:
    """A login of that user at a desk."""
    opened = LoginSession(id=new_id(), user_id=user_id, expires_at=utc_now() + timedelta(hours=2))
    session.add(opened)
    await session.flush()
    return issue_access_token(runtime.keys, minutes=120, session_id=opened.id)


async def measure(settings: Settings, rows: int, repeats: int) -> None:
    """Make the city and its enterprises, ask, print."""
    configure_logs("error")
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        runtime: Runtime = app.state.runtime
        async with runtime.database.write() as session:
            city = await build_city(session, runtime)
            regions = (await session.execute(text("SELECT id, level FROM regions"))).all()
            codes = await fill(session, [row.id for row in regions if row.level == "town"], rows)
            token = await _console_token(session, runtime, city.phones[0].user_id)
            await session.execute(
                text("UPDATE role_grants SET region_id = :city WHERE user_id = :user"),
                {
                    "city": next(row.id for row in regions if row.level == "city"),
                    "user": city.phones[0].user_id,
                },
            )
        async with await psycopg.AsyncConnection.connect(runtime.address, autocommit=True) as plain:
            await plain.execute("VACUUM ANALYZE enterprises")
            transport = httpx.ASGITransport(app=app)
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(
                transport=transport, base_url="http://bench", headers=headers
            ) as http:
                probe = Probe(runtime, http, plain, [row.id for row in regions])
                for kind in _kinds([row.id for row in regions if row.level == "district"], codes):
                    print(await probe.line(kind, repeats), flush=True)


class Probe:
    """Asks one kind of query in three ways."""

    def __init__(
        self,
        runtime: Runtime,
        http: httpx.AsyncClient,
        plain: psycopg.AsyncConnection[Any],
        regions: list[UUID],
    ) -> None:
        self._runtime, self._http, self._plain, self._regions = runtime, http, plain, regions

    async def line(self, kind: Kind, repeats: int) -> str:
        """One line of the table."""
        chance = random.Random(kind.name)
        api, statement, floor, found = [], [], [], []
        for number in range(repeats + 3):
            parameters = kind.parameters(chance)
            answer, seconds = await _timed(self._ask(parameters))
            ids = [row["id"] for row in answer.json()["items"]]
            _, bare = await _timed(self._statement(parameters))
            _, least = await _timed(self._fetch(ids))
            if number >= 3:  # the first ones warm caches
                api.append(seconds)
                statement.append(bare)
                floor.append(least)
                found.append(len(ids))
        cells = [
            f"{percentile(times, share) * 1000:8.1f}"
            for times in (api, statement, floor)
            for share in (0.5, 0.95)
        ]
        return f"{kind.name:<28}{sum(found) / len(found):6.1f} " + " ".join(cells)

    async def _ask(self, parameters: dict[str, Any]) -> httpx.Response:
        answer = await self._http.get("/api/v1/enterprises", params={**parameters, "limit": LIMIT})
        answer.raise_for_status()
        return answer

    async def _statement(self, parameters: dict[str, Any]) -> None:
        regions = self._regions
        if "region_id" in parameters:
            parameters = {**parameters}
            region = UUID(parameters.pop("region_id"))
            async with self._runtime.database.read() as session:
                below = (
                    "SELECT b.id FROM regions b JOIN regions t ON b.path LIKE t.path || '%' WHERE t.id = :id"
                )
                regions = list((await session.execute(text(below), {"id": region})).scalars())
        async with self._runtime.database.read() as session:
            wanted = search_statement(regions, EnterpriseFilter(**parameters)).limit(LIMIT + 1)
            (await session.execute(wanted)).all()

    async def _fetch(self, ids: list[str]) -> None:
        cursor = await self._plain.execute("SELECT * FROM enterprises WHERE id = ANY(%s::uuid[])", (ids,))
        await cursor.fetchall()


async def _timed(work: Awaitable[Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = await work
    return result, time.perf_counter() - started


def main() -> int:
    """Parse, make, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.enterprise_search", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="enterprises (100000)")
    parser.add_argument("--repeats", type=int, default=60, help="queries of each kind (60)")
    given = parser.parse_args()
    print(f"{given.rows} enterprises, {given.repeats} queries of each kind, pages of {LIMIT}; milliseconds")
    print(f"{'':<28}{'found':>6}  API p50      p95  query p50    p95  floor p50    p95")
    with (
        tempfile.TemporaryDirectory(prefix="anshao-search-") as folder,
        installation(Path(folder) / "data", 1) as installed,
    ):
        settings = installed.settings.model_copy(update={"log_level": "error"})
        asyncio.run(measure(settings, given.rows, given.repeats))
    return 0


if __name__ == "__main__":
    sys.exit(main())
