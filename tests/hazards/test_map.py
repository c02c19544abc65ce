"""The registry on a map: what is open, where its site is, in the caller's regions, clustered without losing or doubling one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.core.geo import MICRO, from_wgs84
from app.services.hazards.mapping import SINGLE_ZOOM, cell_size
from app.services.runtime import Runtime
from tests.factories.world import Person, World
from tests.hazards.registering import Registry
from tests.support.queries import recorded_queries

PATH = "/api/v1/hazards/map"
CENTRE = (30_250_000, 120_150_000)
Place = Callable[..., UUID]


@pytest.fixture
def place(world: World) -> Place:
    """Put a site with hazards on the map; gives the site's id."""
    registry = Registry(world)

    def put(position: tuple[int, int] | None, *hazards: dict[str, Any], region: UUID | None = None) -> UUID:
        async def fill(session: AsyncSession) -> UUID:
            where = region or world.town
            enterprise = await registry.enterprise(session, where, ["machinery"])
            site = await registry.site(session, enterprise, where, position)
            for values in hazards:
                await registry.hazard(session, enterprise, site, where, **values)
            return site

        made: UUID = world.in_database(fill)
        return made

    return put


@pytest.fixture
def supervisor(world: World) -> Person:
    return world.person("supervisor")


LATE = {"status": "ordered", "due_on": shanghai_today() - timedelta(days=1)}
MAJOR = {"clause": "MEM10-7-5"}


def shown(person: Person, **params: Any) -> dict[str, Any]:
    answer = person.get(PATH, params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_site_shows_what_is_open_there(supervisor: Person, place: Place) -> None:
    site = place(CENTRE, {}, LATE, MAJOR, {"status": "closed"})
    place((31_000_000, 121_000_000), {"status": "closed"})
    place(None, {})
    answer = supervisor.get(PATH, params={"zoom": SINGLE_ZOOM})
    assert answer.headers["content-type"] == "application/geo+json"
    found = answer.json()
    assert (found["type"], found["datum"], found["is_cut"]) == ("FeatureCollection", "wgs84", False)
    (feature,) = found["features"]
    assert (feature["type"], feature["id"]) == ("Feature", str(site))
    assert feature["geometry"] == {"type": "Point", "coordinates": [120.15, 30.25]}
    members = feature["properties"]
    counts = {name: members[name] for name in ("hazards", "major", "overdue", "sites", "site_id")}
    assert counts == {"hazards": 3, "major": 1, "overdue": 1, "sites": 1, "site_id": str(site)}
    assert (members["site_name"], members["enterprise_name"]) == ("一号厂区", "东镇涂装厂")


def test_filters_narrow_the_map(supervisor: Person, place: Place, world: World) -> None:
    place(CENTRE, {}, LATE, MAJOR)

    def number(**params: Any) -> int:
        return sum(one["properties"]["hazards"] for one in shown(supervisor, **params)["features"])

    assert (number(), number(level="major"), number(overdue=True), number(overdue=False)) == (3, 1, 1, 2)
    assert (number(trade="machinery"), number(trade="metallurgy")) == (3, 0)
    assert (number(region_id=str(world.district)), number(region_id=str(world.other_district))) == (3, 0)


def test_gcj02_goes_in_and_out_together(supervisor: Person, place: Place) -> None:
    place(CENTRE, {})
    latitude, longitude = (value / MICRO for value in from_wgs84(*CENTRE, "gcj02"))
    inside = {
        "west": longitude - 0.001,
        "east": longitude + 0.001,
        "south": latitude - 0.001,
        "north": latitude + 0.001,
    }
    found = shown(supervisor, zoom=18, datum="gcj02", **inside)
    assert found["datum"] == "gcj02"
    (feature,) = found["features"]
    assert feature["geometry"]["coordinates"] == [longitude, latitude]
    assert shown(supervisor, zoom=18, datum="wgs84", **inside)["features"] == []


def test_the_map_is_of_the_callers_regions(place: Place, world: World) -> None:
    place(CENTRE, {}, region=world.town)
    place(CENTRE, {}, region=world.other_town)
    for region, number in ((world.town, 1), (world.district, 1), (world.city, 2)):
        features = shown(world.person("supervisor", region=region))["features"]
        assert sum(one["properties"]["hazards"] for one in features) == number
    assert world.person("safety_assistant").get(PATH).status_code == 403


def test_more_than_the_limit_is_cut_and_said(supervisor: Person, place: Place, runtime: Runtime) -> None:
    sites = [place((CENTRE[0] + 100_000 * n, CENTRE[1]), *[{}] * (n + 1)) for n in range(3)]
    found = shown(supervisor, zoom=SINGLE_ZOOM, limit=2)
    assert [one["id"] for one in found["features"]] == [str(sites[2]), str(sites[1])]
    assert found["is_cut"] is True
    with recorded_queries(runtime.database) as sent:
        assert shown(supervisor, zoom=SINGLE_ZOOM, limit=3)["is_cut"] is False
    assert len(sent) <= 3


@pytest.mark.parametrize(
    ("params", "code"),
    [({"west": 120, "east": 119}, "bounding_box"), ({"south": 31, "north": 31}, "bounding_box"), ({"west": 181}, "invalid"),
     ({"zoom": 23}, "invalid"), ({"datum": "bd09"}, "invalid"), ({"limit": 5001}, "invalid")],
)  # fmt: skip
def test_a_box_that_is_none_is_refused(supervisor: Person, params: dict[str, Any], code: str) -> None:
    answer = supervisor.get(PATH, params=params)
    assert answer.status_code == 422
    assert code in ("invalid", answer.json()["code"])


spots = st.lists(
    st.tuples(st.integers(-300_000, 300_000), st.integers(-300_000, 300_000), st.integers(1, 3)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=12)
@given(spots=spots, zoom=st.integers(0, 22))
def test_clusters_hold_every_hazard_once_and_stand_among_their_sites(
    client: Any, runtime: Runtime, in_database: Any, spots: list[tuple[int, int, int]], zoom: int
) -> None:
    world = World(client, runtime, in_database)
    registry = Registry(world)

    async def fill(session: AsyncSession) -> None:
        enterprise = await registry.enterprise(session, world.town)
        for north, east, number in spots:
            place = (CENTRE[0] + north, CENTRE[1] + east)
            site = await registry.site(session, enterprise, world.town, place)
            for _ in range(number):
                await registry.hazard(session, enterprise, site, world.town)

    world.in_database(fill)
    features = shown(world.person("supervisor"), zoom=zoom)["features"]
    members = [one["properties"] for one in features]
    assert sum(one["hazards"] for one in members) == sum(number for *_, number in spots)
    assert sum(one["sites"] for one in members) == len(spots)
    assert len({one["id"] for one in features}) == len(features)
    assert all((one["sites"] == 1) == (one["site_id"] is not None) for one in members)
    if zoom >= SINGLE_ZOOM:
        assert len(features) == len(spots)
        return
    size = cell_size(zoom)
    cells = {
        ((CENTRE[0] + north + 90 * MICRO) // size, (CENTRE[1] + east + 180 * MICRO) // size)
        for north, east, _ in spots
    }
    at = [[round(degree * MICRO) for degree in one["geometry"]["coordinates"]] for one in features]
    assert {((y + 90 * MICRO) // size, (x + 180 * MICRO) // size) for x, y in at} == cells
