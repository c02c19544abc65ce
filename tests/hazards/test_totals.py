"""Counters and map of the registry: whatever has changed, is folded or waits, they are the same as counting every row."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor, Grant
from app.core.clock import SHANGHAI, shanghai_today, standing_at
from app.jobs.relay import assign_positions
from app.models.enterprises import Enterprise
from app.models.hazards import Hazard
from app.services import worker
from app.services.hazards.folding import fold_changes, recount
from app.services.hazards.mapping import SINGLE_ZOOM, Box, MapFilter, map_hazards
from app.services.hazards.totals import TotalsFilter, totals_by
from app.services.hazards.workflow import is_overdue
from app.services.runtime import Runtime
from tests.factories.world import World
from tests.hazards.registering import Registry, note
from tests.hazards.test_registry import BAD
from tests.hazards.test_registry import Case as Visit
from tests.support.queries import recorded_queries

PATH = "/api/v1/hazards"
DIMENSIONS = ("region", "district", "level", "trade", "clause", "status")
STATES = ("found", "ordered", "rectified", "reinspected", "closed")
TRADES = ("metallurgy", "machinery", "textile")
CLAUSES = (None, None, "MEM10-7-5", "MEM10-13-2")
TODAY = shanghai_today()

days = st.one_of(st.none(), st.integers(-3, 3).map(lambda n: TODAY + timedelta(days=n)))
values = st.fixed_dictionaries({"status": st.sampled_from(STATES), "due_on": days})
step = st.one_of(
    st.tuples(st.just("find"), st.integers(0, 3), values, st.sampled_from(CLAUSES)),
    st.tuples(st.just("change"), st.integers(0, 50), values),
    st.tuples(st.just("judge"), st.integers(0, 50), st.sampled_from(CLAUSES[2:])),
    st.tuples(st.just("trade"), st.integers(0, 3), st.lists(st.sampled_from(TRADES), unique=True)),
    st.tuples(st.just("merge"), st.integers(0, 50), st.booleans()),
    st.tuples(st.just("site"), st.integers(0, 50), st.integers(0, 3)),
    st.tuples(st.just("relay")),
    st.tuples(st.just("fold"), st.integers(1, 7)),
    st.tuples(st.just("fold"), st.just(100_000)),
    st.tuples(st.just("next day")),
)
filters = st.builds(
    TotalsFilter,
    level=st.sampled_from([None, None, "major", "general"]),
    status=st.sampled_from([None, None, *STATES]),
    trade=st.sampled_from([None, None, *TRADES]),
    clause=st.sampled_from([None, None, None, "MEM10-7-5"]),
    overdue=st.sampled_from([None, None, True, False]),
)


def reader(*regions: UUID) -> Actor:
    return Actor("user", (Grant("supervisor", frozenset({"hazards:read"}), frozenset(regions)),))


@dataclass
class Story:
    """Four enterprises in two towns, and what happens to their hazards."""

    world: World
    places: list[tuple[UUID, UUID, UUID]]
    hazards: list[UUID]
    day: int = 0

    def take(self, action: str, *given: Any) -> Any:
        registry = Registry(self.world)

        async def act(session: AsyncSession) -> None:
            match action, given:
                case "find", (place, found, clause):
                    more = {"clause": clause} if clause else {}
                    self.hazards.append(await registry.hazard(session, *self.places[place], **found, **more))
                case "change", (which, changed) if self.hazards:
                    await registry.change(session, self.hazards[which % len(self.hazards)], **changed)
                case "judge", (which, clause) if self.hazards:
                    await registry.change(session, self.hazards[which % len(self.hazards)], clause=clause)
                case "merge", (which, is_merged) if len(self.hazards) > 1:
                    first, *others = self.hazards
                    kept = first if is_merged else None
                    await registry.change(session, others[which % len(others)], merged_into_id=kept)
                case "site", (which, place) if self.hazards:
                    moved = {"site_id": self.places[place][1]}
                    await registry.change(session, self.hazards[which % len(self.hazards)], **moved)
                case "trade", (place, trades):
                    mine = Enterprise.id == self.places[place][0]
                    await session.execute(update(Enterprise).where(mine).values(regulated_trades=trades))
                    await note(session, "enterprise", self.places[place][0])
                case "relay", ():
                    await assign_positions(session, 1_000_000)
                case "fold", (batch,):
                    await fold_changes(session, batch)

        self.day += action == "next day"
        with self.now():
            self.world.in_database(act)

    def now(self) -> Any:
        return standing_at(datetime.combine(TODAY + timedelta(days=self.day), time(12), SHANGHAI))

    def compare(self, narrowed: TotalsFilter) -> None:
        """Both towns together, then one alone as somebody of the town sees it."""

        async def both(session: AsyncSession) -> None:
            towns = (self.world.town, self.world.other_town)
            for regions in (towns, towns[:1]):
                for by in DIMENSIONS:
                    groups, whole = await totals_by(session, reader(*regions), by, narrowed)
                    counted = {one.group: (one.count, one.open, one.overdue) for one in groups}
                    expected, total = await naive(session, self.world, regions, by, narrowed)
                    assert counted == expected
                    assert (whole.count, whole.open, whole.overdue) == total
                shown = await map_hazards(
                    session,
                    reader(*regions),
                    Box(-180, -90, 180, 90),
                    SINGLE_ZOOM,
                    MapFilter(level=narrowed.level, overdue=narrowed.overdue, trade=narrowed.trade),
                    100,
                )
                members = [one.properties for one in shown.features]
                placed = {one.site_id: (one.hazards, one.major, one.overdue) for one in members}
                assert placed == await naive_map(session, regions, narrowed)

        with self.now():
            self.world.in_database(both)


async def naive(
    session: AsyncSession, world: World, regions: tuple[UUID, ...], by: str, narrowed: TotalsFilter
) -> tuple[dict[str | None, tuple[int, int, int]], tuple[int, int, int]]:
    wanted = select(Hazard, Enterprise.regulated_trades).join(
        Enterprise, Enterprise.id == Hazard.enterprise_id
    )
    standing = Hazard.region_id.in_(regions), Hazard.merged_into_id.is_(None)
    rows = await session.execute(wanted.where(*standing))
    groups: Counter[tuple[str | None, str]] = Counter()
    total: Counter[str] = Counter()
    district = {world.town: world.district, world.other_town: world.other_district}
    for hazard, trades in rows:
        late = bool(is_overdue(hazard.status, hazard.due_on, shanghai_today()))
        plain = {"level": hazard.level, "status": hazard.status, "clause": hazard.clause, "overdue": late}
        if any(getattr(narrowed, name) not in (None, value) for name, value in plain.items()):
            continue
        if narrowed.trade is not None and narrowed.trade not in trades:
            continue
        keys = {
            "region": [str(hazard.region_id)], "district": [str(district[hazard.region_id])], "level": [hazard.level],
            "status": [hazard.status], "clause": [hazard.clause], "trade": trades or [None],
        }[by]  # fmt: skip
        for figure, counts in (("count", True), ("open", hazard.status != "closed"), ("overdue", late)):
            total[figure] += counts
            for key in keys:
                groups[key, figure] += counts
    shown = {
        key: (groups[key, "count"], groups[key, "open"], groups[key, "overdue"])
        for key in {key for key, _ in groups}
    }
    return shown, (total["count"], total["open"], total["overdue"])


async def naive_map(
    session: AsyncSession, regions: tuple[UUID, ...], narrowed: TotalsFilter
) -> dict[UUID | None, tuple[int, int, int]]:
    """By site: open, major, overdue. The map knows neither clause nor status."""
    wanted = select(Hazard, Enterprise.regulated_trades).join(
        Enterprise, Enterprise.id == Hazard.enterprise_id
    )
    standing = Hazard.region_id.in_(regions), Hazard.merged_into_id.is_(None), Hazard.status != "closed"
    sites: dict[UUID | None, tuple[int, int, int]] = {}
    for hazard, trades in await session.execute(wanted.where(*standing)):
        late = bool(is_overdue(hazard.status, hazard.due_on, shanghai_today()))
        if narrowed.level not in (None, hazard.level) or narrowed.overdue not in (None, late):
            continue
        if narrowed.trade is not None and narrowed.trade not in trades:
            continue
        number, major, overdue = sites.get(hazard.site_id, (0, 0, 0))
        sites[hazard.site_id] = (number + 1, major + (hazard.level == "major"), overdue + late)
    return sites


@pytest.fixture
def tell(world: World) -> Callable[[], Story]:
    def begin() -> Story:
        async def places(session: AsyncSession) -> list[tuple[UUID, UUID, UUID]]:
            registry, made = Registry(world), []
            for number in range(4):
                region = world.town if number < 2 else world.other_town
                enterprise = await registry.enterprise(session, region, list(TRADES[:number]))
                spot = (30_250_000 + 10_000 * number, 120_150_000)
                made.append((enterprise, await registry.site(session, enterprise, region, spot), region))
            return made

        return Story(world, world.in_database(places), [])

    return begin


@settings(max_examples=25)
@given(steps=st.lists(step, min_size=3, max_size=25), narrowed=st.lists(filters, min_size=2, max_size=2))
def test_counters_equal_counting_every_row_whatever_happened(
    tell: Callable[[], Story], steps: list[tuple[Any, ...]], narrowed: list[TotalsFilter]
) -> None:
    story = tell()
    for one in steps:
        story.take(*one)
    for wanted in (TotalsFilter(), *narrowed):
        story.compare(wanted)
    story.take("relay")
    story.take("fold", 100_000)
    for wanted in (TotalsFilter(), *narrowed):
        story.compare(wanted)


def test_what_is_folded_is_read_from_the_tallies_alone(tell: Callable[[], Story], world: World) -> None:
    """Else the counters would be exact and slow: the tallies hold everything once it is folded."""
    story = tell()
    story.take("find", 0, {"status": "ordered", "due_on": TODAY - timedelta(days=1)}, None)
    story.take("relay")
    story.take("fold", 100_000)

    async def tallied(session: AsyncSession) -> Any:
        rows: list[tuple[Any, ...]] = []
        for what, table in (("status", "hazard_tallies"), ("site_id", "hazard_site_tallies")):
            wanted = text(
                f"SELECT {what}, number, overdue FROM {table} WHERE region_id = :town AND number <> 0"
            )
            rows += [tuple(row) for row in await session.execute(wanted, {"town": world.town})]
        return rows

    site = story.places[0][1]
    assert world.in_database(tallied) == [("ordered", 1, 1), (site, 1, 1)]
    world.in_database(recount)
    assert world.in_database(tallied) == [("ordered", 1, 1), (site, 1, 1)]
    story.compare(TotalsFilter())
    story.take("change", 0, {"status": "closed", "due_on": None})
    story.take("relay")
    story.take("fold", 100_000)
    assert world.in_database(tallied) == [("closed", 1, 0)]


def test_folding_waits_for_nobody_who_holds_a_hazard(
    tell: Callable[[], Story], runtime: Runtime, client: TestClient
) -> None:
    """Else an officer who locks two hazards and a fold that counts both could wait for one another."""
    story = tell()
    story.take("find", 0, {"status": "found", "due_on": None}, None)
    story.take("relay")

    async def fold_beside_a_lock() -> None:
        async with runtime.database.write() as holding, runtime.database.write() as folding:
            await holding.execute(select(Hazard.id).where(Hazard.id == story.hazards[0]).with_for_update())
            await folding.execute(text("SET LOCAL lock_timeout = '2s'"))
            await fold_changes(folding, 1_000_000)

    assert client.portal is not None
    client.portal.call(fold_beside_a_lock)
    story.compare(TotalsFilter())


def test_the_worker_folds_by_itself(
    tell: Callable[[], Story],
    world: World,
    runtime: Runtime,
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = tell()
    story.take("find", 0, {"status": "found", "due_on": None}, None)

    async def nothing(*_: Any, **__: Any) -> int:
        return 0

    for other in ("run_jobs", "examine_waiting"):
        monkeypatch.setattr(worker, other, nothing)
    wanted = text("SELECT number FROM hazard_tallies WHERE region_id = :town AND number > 0")

    async def work_until_folded() -> Any:
        stop, number = asyncio.Event(), None
        working = asyncio.create_task(worker.run_worker(runtime, stop))
        for _ in range(200):
            async with runtime.database.read() as session:
                number = (await session.execute(wanted, {"town": world.town})).scalar_one_or_none()
            if number is not None:
                break
            await asyncio.sleep(0.1)
        stop.set()
        await working
        return number

    assert client.portal is not None
    assert client.portal.call(work_until_folded) == 1


def test_what_becomes_overdue_at_midnight_is_counted_before_and_after_it_is_folded(
    tell: Callable[[], Story], world: World
) -> None:
    story = tell()

    async def counted_on(session: AsyncSession) -> Any:
        return (await session.execute(text("SELECT counted_on FROM hazard_counting"))).scalar_one()

    first = world.in_database(counted_on)
    story.day = (first - TODAY).days
    for distance in (-1, 0, 1, 2):
        for status in ("ordered", "rectified"):
            story.take("find", 0, {"status": status, "due_on": first + timedelta(days=distance)}, None)
    for is_folded in (True, False, True, False, False, True):
        story.take("relay")
        if is_folded:
            story.take("fold", 100_000)
        story.compare(TotalsFilter())
        story.compare(TotalsFilter(overdue=True))
        story.take("next day")
    story.compare(TotalsFilter())


def test_a_submission_waits_for_no_counter(world: World, runtime: Runtime) -> None:
    with recorded_queries(runtime.database) as sent:
        Visit(world)
    written = [one for one in sent if not one.lstrip().startswith("SELECT")]
    assert any("INSERT INTO hazards " in one for one in written)
    assert not any("_tallies" in one or "counted_hazards" in one for one in sent)


def test_counters_are_of_the_callers_regions_at_a_constant_cost(world: World, runtime: Runtime) -> None:
    visit = Visit(world)
    officer = visit.officers[0]
    with recorded_queries(runtime.database) as sent:
        shown = officer.get(f"{PATH}/totals", params={"by": "district"}).json()
    assert len(sent) <= 3
    whole = {"group": None, "name": None, "count": len(BAD), "open": len(BAD), "overdue": 0}
    assert shown["whole"] == whole
    assert shown["groups"] == [{**whole, "group": str(world.district), "name": "东区"}]
    town = officer.get(f"{PATH}/totals", params={"by": "region", "region_id": str(world.city)}).json()
    assert [one["group"] for one in town["groups"]] == [str(world.town)]
    abroad = world.person("supervisor", region=world.other_district)
    for params in ({"by": "status"}, {"by": "region", "region_id": str(world.town)}):
        foreign = abroad.get(f"{PATH}/totals", params=params).json()
        assert foreign["groups"] == []
        assert foreign["whole"]["count"] == 0
    assert world.person("safety_assistant").get(f"{PATH}/totals", params={"by": "level"}).status_code == 403
    assert officer.get(f"{PATH}/totals", params={"by": "colour"}).status_code == 422
    assert officer.get(f"{PATH}/totals").status_code == 422


def test_what_the_tallies_do_not_tell_apart_is_counted_by_rows(world: World) -> None:
    visit = Visit(world)
    officer, site = visit.officers[0], str(visit.field.site_id)
    counted = officer.get(f"{PATH}/counts", params={"site_id": site}).json()
    assert [row["count"] for row in counted] == [len(BAD)]
    assert officer.get(f"{PATH}/counts", params={"site_id": str(world.town)}).json() == []
