"""The search: any part of a name, codes, regions, trades; equal to a plain substring search, and on its index."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.core.text import folded
from app.models.enterprises import Enterprise
from app.services.enterprises.repository import EnterpriseFilter, search_statement
from app.services.runtime import Runtime
from tests.factories.enterprises import PATH, new_uscc, register
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries


@pytest.fixture
def officer(world: World) -> Person:
    return world.person("inspector")


def found(person: Person, **params: Any) -> list[str]:
    answer = person.get(PATH, params={"limit": 200, **params})
    assert answer.status_code == 200, answer.text
    return [row["name"] for row in answer.json()["items"]]


NAMES = ["安市东风涂装有限公司", "东风 Motor 3M 胶粘厂", "西湖冷库（Ａ区）", "100%纯棉_纺织社", "a\\b 化工"]


@pytest.mark.parametrize(
    ("part", "matches"),
    [
        ("东风", [0, 1]), ("风东", []), ("风涂装", [0]), ("东", [0, 1]), ("M", [1]), ("m3", []), ("motor3", [1]), ("MOTOR", [1]),
        ("Ｍｏｔｏｒ", [1]), ("3m胶", [1]), ("A区", [2]), ("(a", [2]), ("（Ａ", [2]), ("%", [3]), ("0%纯", [3]), ("_", [3]),
        ("棉_纺", [3]),
        ("棉纺", []), ("\\", [4]), ("A\\B", [4]), ("有限公司", [0]), ("安市东风涂装有限公司", [0]), ("公司有限", []),
        ("  ", [0, 1, 2, 3, 4]), ("x" * 200, []),
    ],
)  # fmt: skip
def test_any_part_of_a_name_finds_it(officer: Person, world: World, part: str, matches: list[int]) -> None:
    for name in NAMES:
        register(officer, world, name=name)
    assert sorted(found(officer, name=part)) == sorted(NAMES[place] for place in matches)


class Names:
    """Many names of one region, searched as the API searches."""

    LETTERS = "安东风化工厂ａA1%_ （ß㈱\\"

    def __init__(self, world: World) -> None:
        self.world = world
        self.names: set[str] = set()

    def search(self, names: list[str], part: str) -> list[str]:
        region = self.world.town

        async def work(session: AsyncSession) -> list[str]:
            rows = [
                {"id": new_id(), "substitute_mark": new_id().hex, "name": name, "region_id": region, "regulated_trades": []}
                for name in names
            ]  # fmt: skip
            await session.execute(insert(Enterprise), rows)
            statement = search_statement({region}, EnterpriseFilter(name=part))
            names_found = [row.name for row in (await session.execute(statement)).scalars()]
            await session.execute(delete(Enterprise).where(Enterprise.id.in_(row["id"] for row in rows)))
            return names_found

        return list(self.world.in_database(work))


@settings(max_examples=60)
@given(
    st.lists(st.text(Names.LETTERS, min_size=1, max_size=8), min_size=1, max_size=12),
    st.text(Names.LETTERS, min_size=1, max_size=4),
)
def test_the_search_equals_a_plain_substring_search(world: World, names: list[str], part: str) -> None:
    expected = sorted(name for name in names if folded(part) in folded(name))
    assert sorted(Names(world).search(names, part)) == expected


def test_codes_regions_trades_and_grades_narrow_the_list(officer: Person, world: World) -> None:
    code = new_uscc()
    east = register(
        officer, world, uscc=code, trade_code="C3660", regulated_trades=["machinery"], risk_grade="red", size="small"
    )  # fmt: skip
    west = register(
        officer,
        world,
        uscc=None,
        region_id=str(world.other_town),
        trade_code="G59",
        name="西库",
        regulated_trades=["fireworks"],
    )
    both = {east["name"], west["name"]}
    assert set(found(officer)) == set(found(officer, region_id=str(world.city))) == both
    assert found(officer, uscc=code[:12].lower()) == found(officer, uscc=code) == [east["name"]]
    assert found(officer, uscc="9%") == found(officer, uscc="_") == []
    assert found(officer, mark=west["substitute_mark"]) == [west["name"]]
    assert found(officer, region_id=str(world.district)) == [east["name"]]
    assert found(officer, region_id=str(world.other_town)) == [west["name"]]
    assert found(officer, region_id=str(new_id())) == []
    for trade in ("C", "C36", "36", "3660"):
        assert found(officer, trade=trade) == [east["name"]]
    assert found(officer, trade="C37") == []
    assert found(officer, regulated_trade="machinery") == found(officer, risk_grade="red") == [east["name"]]
    assert found(officer, regulated_trade="fireworks") == [west["name"]]
    assert found(officer, size="small") == [east["name"]]
    assert found(officer, name="涂装", trade="G") == []
    town = world.person("inspector", region=world.town)
    assert found(town, region_id=str(world.city)) == [east["name"]]
    assert officer.get(PATH, params={"name": "a\x00"}).status_code == 422


def test_pages_follow_one_another_without_gap_or_repetition(
    officer: Person, world: World, runtime: Runtime
) -> None:
    made = [register(officer, world, name=f"安市第{number}厂")["id"] for number in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": 3, "name": "第", **({"cursor": cursor} if cursor else {})}
        page = officer.get(PATH, params=params).json()
        seen += [row["id"] for row in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]
    with recorded_queries(runtime.database) as sent:
        officer.get(PATH, params={"name": "第", "region_id": str(world.city)})
    assert len(sent) <= 4


@pytest.fixture(scope="module")
def crowd(runtime: Runtime, in_database: Any) -> Iterator[Any]:
    """20,000 enterprises of one region that stays unknown to everybody else; removed afterwards."""
    from tests.factories.world import World as Maker  # a world of its own, for the whole module

    world = Maker(runtime=runtime, client=None, in_database=in_database)  # type: ignore[arg-type]

    async def fill(session: AsyncSession) -> None:
        places, trades = (
            ("东河", "西岭", "南塘", "北桥", "石门"),
            ("涂装", "冷链", "铸造", "家具", "化纤", "印染"),
        )
        rows = [
            {
                "id": new_id(), "substitute_mark": new_id().hex, "region_id": world.town, "regulated_trades": [],
                "name": f"安市{places[n % 5]}{trades[n % 6]}{n}号有限公司", "trade_code": f"C{13 + n % 30}",
                "risk_grade": "red" if n % 200 == 0 else "blue",
            }
            for n in range(20_000)
        ]  # fmt: skip
        await session.execute(insert(Enterprise), rows)
        await session.execute(text("ANALYZE enterprises"))

    async def empty(session: AsyncSession) -> None:
        await session.execute(text("DELETE FROM enterprises WHERE region_id = :id"), {"id": world.town})
        await session.execute(text("ANALYZE enterprises"))

    in_database(fill)
    yield world
    in_database(empty)


@pytest.mark.parametrize(
    ("narrowed", "index"),
    [
        (EnterpriseFilter(name="铸造1234"), "ix_enterprises_name_bigrams"),
        (EnterpriseFilter(name="绸"), "ix_enterprises_name_bigrams"),
        (EnterpriseFilter(uscc="9133010112"), "ix_enterprises_uscc_prefix"),
    ],
)
def test_the_planner_chooses_the_index_by_itself(
    crowd: World, in_database: Any, narrowed: EnterpriseFilter, index: str
) -> None:
    statement = search_statement({crowd.town}, narrowed).limit(51)
    literal = statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]

    async def explain(session: AsyncSession) -> str:
        connection = await session.connection()
        rows = await connection.exec_driver_sql(f"EXPLAIN {literal}")
        return "\n".join(row[0] for row in rows)

    plan = in_database(explain)
    assert index in plan
    assert "Seq Scan" not in plan
