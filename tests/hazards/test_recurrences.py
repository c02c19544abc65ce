"""A hazard that comes back within the window is linked to its closed like, by item when found, by clause when confirmed."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.models.hazards import Hazard
from app.services.determinations.events import MajorHazardConfirmed
from app.services.hazards import recurrences
from app.services.hazards.content import recurrence_window_days, registry_settings
from app.services.hazards.majors import mark_major
from app.services.hazards.registry import HazardFilter, begins_with_returns, conditions_of
from app.services.runtime import Runtime
from tests.factories.field import Field
from tests.factories.world import World
from tests.support.queries import recorded_queries

HAZARDS = "/api/v1/hazards"
WINDOW = recurrence_window_days()
LEADING, FURTHER = "MEM10-7-5", "MEM10-5-12"


class Site:
    """A site with officers who find the same thing again and again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.field = Field(world)
        self.officers = [world.person("inspector", region=world.town) for _ in range(2)]
        self.phone = self.field.phone(self.officers[0].user_id)

    def find(self, item: str = "RTO-01", **changes: Any) -> dict[str, Any]:
        """The item fails on a new visit; the hazard that was registered."""
        self.field.visit_id = new_id()
        ids = [officer.user_id for officer in self.officers]
        document = self.field.document(self.field.publish("rto"), ids)
        package = self.phone.seal({**document, "answers": {item: {"value": "no"}}, **changes}, [])
        assert self.phone.put_package(package).status_code == 201
        rows = self.officers[0].get(HAZARDS, params={"site_id": str(self.field.site_id)}).json()["items"]
        return dict(next(row for row in rows if row["visit_id"] == str(self.field.visit_id)))

    def close(self, hazard: dict[str, Any], closed_on: date) -> None:
        async def shut(session: AsyncSession) -> None:
            await session.execute(
                update(Hazard)
                .where(Hazard.id == UUID(hazard["id"]))
                .values(status="closed", closed_on=closed_on)
            )

        self.world.in_database(shut)

    def confirm(self, hazard: dict[str, Any], *clauses: str) -> None:
        """The person in charge confirms clauses of what was found, one after the other."""

        async def mark(session: AsyncSession) -> None:
            row = await session.get_one(Hazard, UUID(hazard["id"]))
            assert row.visit_id is not None
            assert row.package_id is not None
            for clause in clauses:
                confirmed = MajorHazardConfirmed(
                    actor=SYSTEM, verdict_id=new_id(), clause=clause, major_from=shanghai_today(), visit_id=row.visit_id,
                    package_id=row.package_id, authority_id=row.authority_id, enterprise_id=row.enterprise_id,
                    site_id=row.site_id, region_id=row.region_id, found_on=row.found_on, subject=None,
                    description=row.description, findings=((row.package_id, row.finding_key or ""),), questions=(),
                )  # fmt: skip
                await mark_major(session, confirmed)

        self.world.in_database(mark)

    def recurrent(self) -> set[str]:
        """The numbers of what the list says has come back, the same whether it begins with the returns or looks hazards up."""
        (rows, same) = (self._returns(few) for few in (10**9, -2))
        assert rows == same
        others = self.officers[0].get(HAZARDS, params={"recurrent": False}).json()["items"]
        assert not {row["id"] for row in rows} & {row["id"] for row in others}
        return {row["number"] for row in rows}

    def _returns(self, few: int) -> list[dict[str, Any]]:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(recurrences, "FEW_RETURNS", few)
            answer = self.officers[0].get(HAZARDS, params={"recurrent": True})
        return list(answer.json()["items"])

    def rebounds(self, by: str | None = None) -> dict[str, tuple[int, int]]:
        """By clause unless told, of all that was closed in a year until today: (closed, came back)."""
        today = shanghai_today()
        period = {"closed_from": str(today - timedelta(days=WINDOW)), "closed_until": str(today)}
        params = {**period, **({"by": by} if by else {})}
        rows = self.officers[0].get(f"{HAZARDS}/rebounds", params=params).json()
        return {row["group"]: (row["closed"], row["came_back"]) for row in rows}

    def shown(self, hazard: dict[str, Any]) -> dict[str, Any]:
        return dict(self.officers[0].get(f"{HAZARDS}/{hazard['id']}").json())


@pytest.fixture
def site(world: World) -> Site:
    return Site(world)


@pytest.mark.parametrize(
    ("days", "came_back"), [(0, True), (WINDOW - 1, True), (WINDOW, True), (WINDOW + 1, False)]
)
def test_the_same_item_found_again_within_the_window_has_come_back(
    site: Site, days: int, came_back: bool
) -> None:
    first = site.find()
    closed_on = shanghai_today() - timedelta(days=days)
    site.close(first, closed_on)
    again = site.find()
    expected = [
        {"hazard_id": first["id"], "number": first["number"], "ground": "item", "closed_on": str(closed_on), "days": days}
    ]  # fmt: skip
    assert site.shown(again)["came_back_from"] == (expected if came_back else [])
    back = site.shown(first)["came_back_as"]
    assert [one["hazard_id"] for one in back] == ([again["id"]] if came_back else [])
    listed = site.officers[0].get(HAZARDS, params={"recurrent": True}).json()["items"]
    assert [row["id"] for row in listed] == ([again["id"]] if came_back else [])


def test_what_is_still_open_or_another_item_has_not_come_back(site: Site) -> None:
    first = site.find()
    assert site.shown(site.find())["came_back_from"] == []
    site.close(first, shanghai_today())
    assert site.shown(site.find("RTO-02"))["came_back_from"] == []


def test_the_latest_of_several_closed_likes_is_the_one_that_came_back(site: Site) -> None:
    for days in (30, 10, 20):
        site.close(site.find(), shanghai_today() - timedelta(days=days))
    (link,) = site.shown(site.find())["came_back_from"]
    assert link["days"] == 10


def test_a_like_of_another_site_or_enterprise_is_none(site: Site) -> None:
    site.close(site.find(), shanghai_today())
    other = Site(site.world)
    assert other.shown(other.find())["came_back_from"] == []


def test_a_confirmed_clause_finds_its_closed_like_at_the_same_enterprise(site: Site) -> None:
    first, again = site.find("RTO-01"), site.find("RTO-02")
    site.confirm(first, "MEM10-7-5")
    site.close(first, shanghai_today())
    for _ in range(2):
        site.confirm(again, "MEM10-7-5")
    (link,) = site.shown(again)["came_back_from"]
    assert (link["hazard_id"], link["ground"]) == (first["id"], "clause")


def test_a_further_confirmed_clause_has_its_own_return(site: Site) -> None:
    """The hazard is listed by its first clause; what comes back by the second is the return of it as well."""
    first, again = site.find("RTO-01"), site.find("RTO-02")
    site.confirm(first, LEADING, FURTHER)
    assert site.shown(first)["clause"] == LEADING
    site.close(first, shanghai_today() - timedelta(days=3))
    assert site.rebounds() == {LEADING: (1, 0), FURTHER: (1, 0)}
    site.confirm(again, FURTHER)
    (link,) = site.shown(again)["came_back_from"]
    assert (link["hazard_id"], link["ground"], link["days"]) == (first["id"], "clause", 3)
    assert site.recurrent() == {again["number"]}
    assert site.rebounds() == {LEADING: (1, 0), FURTHER: (1, 1)}


def test_a_clause_that_is_confirmed_second_finds_its_closed_like_too(site: Site) -> None:
    first, again = site.find("RTO-01"), site.find("RTO-02")
    site.confirm(first, FURTHER)
    site.close(first, shanghai_today())
    site.confirm(again, LEADING)
    assert site.shown(again)["came_back_from"] == []
    site.confirm(again, FURTHER)
    assert [link["hazard_id"] for link in site.shown(again)["came_back_from"]] == [first["id"]]


def test_by_two_clauses_a_hazard_is_the_return_of_two(site: Site) -> None:
    one, other, again = site.find("RTO-01"), site.find("RTO-02"), site.find("RTO-05")
    for earlier, clause in ((one, LEADING), (other, FURTHER)):
        site.confirm(earlier, clause)
        site.close(earlier, shanghai_today())
    site.confirm(again, LEADING, FURTHER)
    assert {link["hazard_id"] for link in site.shown(again)["came_back_from"]} == {one["id"], other["id"]}
    assert site.rebounds() == {LEADING: (1, 1), FURTHER: (1, 1)}


def test_the_rate_of_rebound_is_told_by_clause_unless_asked_otherwise(site: Site) -> None:
    """The same item is a return by every clause of it, whatever is confirmed of the new finding; general hazards have none."""
    major, general = site.find("RTO-01"), site.find("RTO-02")
    site.confirm(major, LEADING)
    for one in (major, general):
        site.close(one, shanghai_today())
    assert site.rebounds() == {LEADING: (1, 0)}
    site.find("RTO-01")
    assert site.rebounds() == site.rebounds("clause") == {LEADING: (1, 1)}
    elsewhere = Site(site.world)
    other = elsewhere.find("RTO-01")
    elsewhere.confirm(other, LEADING)
    elsewhere.close(other, shanghai_today())
    assert site.rebounds() == {LEADING: (2, 1)}


def test_the_rate_of_rebound_counts_what_was_closed_and_what_came_back(site: Site) -> None:
    today = shanghai_today()
    for item in ("RTO-01", "RTO-02"):
        site.close(site.find(item), today - timedelta(days=5))
    site.find("RTO-01")
    period = {"closed_from": str(today - timedelta(days=5)), "closed_until": str(today)}
    rows = site.officers[0].get(f"{HAZARDS}/rebounds", params={**period, "by": "item"}).json()
    assert rows == [
        {"group": "RTO-01", "closed": 1, "came_back": 1},
        {"group": "RTO-02", "closed": 1, "came_back": 0},
    ]
    (town,) = site.officers[0].get(f"{HAZARDS}/rebounds", params={**period, "by": "region"}).json()
    assert town == {"group": str(site.world.town), "closed": 2, "came_back": 1}
    before = {"closed_from": str(today - timedelta(days=9)), "closed_until": str(today - timedelta(days=6))}
    assert site.officers[0].get(f"{HAZARDS}/rebounds", params={**before, "by": "item"}).json() == []
    abroad = site.world.person("inspector", region=site.world.other_district)
    assert abroad.get(f"{HAZARDS}/rebounds", params={**period, "by": "item"}).json() == []
    assert site.world.person("safety_assistant").get(f"{HAZARDS}/rebounds", params=period).status_code == 403


def test_a_link_is_never_rewritten_and_the_window_is_marked_as_to_be_confirmed(site: Site) -> None:
    site.close(site.find(), shanghai_today())
    site.find()

    async def rewrite(session: AsyncSession) -> None:
        await session.execute(text("DELETE FROM hazard_recurrences"))

    with pytest.raises(Exception, match="append-only"):
        site.world.in_database(rewrite)
    assert registry_settings()["recurrence_window"]["to_be_confirmed"] is True


def test_a_return_is_linked_by_the_statement_that_registers_it(site: Site, runtime: Runtime) -> None:
    site.close(site.find(), shanghai_today())
    with recorded_queries(runtime.database) as sent:
        site.find()
    (linking,) = [one for one in sent if "INSERT INTO hazard_recurrences" in one]
    assert "INSERT INTO hazards " in linking


def plan_of(site: Site, narrowed: HazardFilter, **how: Any) -> str:
    """Of a page of the list, of a registry in which reading a whole table is no way."""

    async def plan(session: AsyncSession) -> str:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        conditions = conditions_of([site.world.town], narrowed, **how)
        wanted = select(Hazard.id).where(*conditions).order_by(Hazard.id.desc()).limit(51)
        written = wanted.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        return "\n".join((await session.scalars(text(f"EXPLAIN {written}"))).all())

    return str(site.world.in_database(plan))


@pytest.mark.parametrize("recurrent", [True, False])
def test_a_page_of_what_came_back_is_looked_up_row_by_row(site: Site, recurrent: bool) -> None:
    """Of a million hazards with 200,000 returns a page takes 3 ms so, and 600 ms where every return is read first."""

    told = plan_of(site, HazardFilter(recurrent=recurrent))
    assert "hashed" not in told
    assert "Index Cond: (hazard_id = hazards.id)" in told


@pytest.mark.parametrize(
    ("narrowed", "index"),
    [
        (HazardFilter(recurrent=True), "pk_hazard_recurrences"),
        (HazardFilter(suspected=True), "ix_hazard_reports_suspected"),
    ],
)
def test_what_is_rare_is_where_a_page_begins(site: Site, narrowed: HazardFilter, index: str) -> None:
    """Of a million hazards 200 that came back take 4 ms so, and 850 ms where hazard after hazard is asked."""
    told = plan_of(site, narrowed, from_returns=True)
    assert "SubPlan" not in told  # it is joined, in whichever order is the shorter, and not asked of each row
    assert index in told


async def _few(session: AsyncSession) -> bool:
    return await begins_with_returns(session, HazardFilter(recurrent=True))


def test_where_returns_are_many_a_page_looks_its_rows_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert site.world.in_database(_few) is True
    monkeypatch.setattr(recurrences, "FEW_RETURNS", -2)
    assert site.world.in_database(_few) is False
