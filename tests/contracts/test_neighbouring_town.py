"""A town sees only its own: what the neighbouring town of the same district is told beside single objects and lists.

Objects by id and lists are tried by test_access.py, for the neighbouring town too; here it is figures, files, what phones hold.
"""

import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Device
from app.core.clock import shanghai_today
from app.enums.sync import SyncCollection
from app.models.enterprises import Enterprise
from app.models.hazards import Hazard
from app.services.hazards.exporting import work_off
from app.services.hazards.recurrences import confirm_clause
from tests.contracts.callers import Callers
from tests.contracts.objects import (
    Home,
    a_docket,
    brigade,
    evidence,
    field,
    hazard,
    officers,
    placard,
    upload,
    verdict,
)
from tests.contracts.test_access import numbers_in, readable
from tests.factories.field import Field
from tests.factories.replica import Replica, relay
from tests.factories.world import Person
from tests.hazards.registering import Registry
from tests.sync.test_pull import registered
from tests.sync.test_stream import Listen
from tests.sync.test_stream import listen as listen

OF_THE_AUTHORITY = {SyncCollection.ROSTERS, SyncCollection.BRIGADES}
"""Both towns' staff is the bureau's: who may be asked along on a visit."""
SAME_EVERYWHERE = {SyncCollection.CHECKLISTS, SyncCollection.LAW, SyncCollection.HOLIDAYS}
OF_THE_TOWN = sorted(set(SyncCollection) - OF_THE_AUTHORITY - SAME_EVERYWHERE)
FIRST, LAST = "2026-01-01", "2099-12-31"
"""A period in which whatever the tests close is closed."""


@pytest.fixture(scope="module")
def full(home: Home) -> Home:
    """The home town with everything that is counted, shown on maps, or waits."""
    for make in (hazard, placard, verdict, evidence, upload, brigade):
        home.once(make)
    closed = home.once(a_docket).hazard(field=home.once(field))

    async def close(session: AsyncSession) -> None:
        today = shanghai_today()
        major = {"level": "major", "clause": "MEM10-7-5", "major_since": today}
        shut = {"status": "closed", "closed_on": today, "item_code": "RTO-03"}
        await session.execute(update(Hazard).where(Hazard.id == closed).values(**major, **shut))
        await confirm_clause(session, closed, "MEM10-7-5", today)

    home.world.in_database(close)
    return home


def a_brigade_of_the_bureau(home: Home) -> None:
    bureau = f"/api/v1/authorities/{home.world.authority}/brigades"
    answer = home.administrator().post(bureau, json={"name": "直属大队"})
    assert answer.status_code == 201, answer.text


@pytest.fixture(scope="module")
def neighbour(foreigners: list[Callers]) -> Callers:
    return foreigners[2]


@pytest.fixture
def phone(full: Home) -> Device:
    """Of an officer of the neighbouring town, where there is one enterprise."""
    town = full.world.neighbour_town
    officer = full.world.person("inspector", region=town)
    return Field(full.world, region=town).phone(officer.user_id)


FIGURES: list[tuple[str, dict[str, Any]]] = [
    *(("/api/v1/hazards/totals", {"by": by}) for by in ("region", "district", "level", "trade", "clause", "status")),
    *(
        ("/api/v1/hazards/rebounds", {"by": by, "closed_from": FIRST, "closed_until": LAST})
        for by in ("clause", "item", "region")
    ),
    ("/api/v1/hazards/counts", {}),
    ("/api/v1/clocks/counts", {}),
    ("/api/v1/inspections/visits/counts", {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "params"), FIGURES, ids=lambda value: value if isinstance(value, str) else value.get("by", "all")
)
def test_nothing_of_the_next_town_is_in_a_figure(
    full: Home, neighbour: Callers, path: str, params: dict[str, Any]
) -> None:
    at_home = full.world.person("supervisor", region=full.world.town)
    assert sum(numbers_in(at_home.get(path, params=params).json())) > 0
    for narrowed in ({}, {"region_id": str(full.world.district)}, {"region_id": str(full.world.town)}):
        if narrowed and path.endswith("visits/counts"):
            continue
        answer = neighbour.browser("supervisor").get(path, params={**params, **narrowed})
        assert answer.status_code == 200, answer.text
        assert sum(numbers_in(answer.json())) == 0, narrowed


@pytest.mark.parametrize("by", ["region", "authority", "user"])
def test_the_board_adds_up_the_own_town_s_phones_only(full: Home, neighbour: Callers, by: str) -> None:
    """Also by authority, though both towns' phones are the bureau's."""
    path = "/api/v1/board/totals"
    everything = full.world.person("supervisor").get(path, params={"by": by}).json()["items"]
    mine = neighbour.browser("supervisor")
    phones = mine.get("/api/v1/board/devices", params={"limit": 200}).json()["items"]
    shown = mine.get(path, params={"by": by}).json()["items"]
    assert sum(row["devices"] for row in shown) == len(phones) < sum(row["devices"] for row in everything)
    assert not any(mark in json.dumps(shown) for mark in full.marks())
    for region in (full.world.town, full.world.district):
        narrowed = mine.get(path, params={"by": by, "region_id": str(region)}).json()["items"]
        assert len(narrowed) == (len(shown) if region == full.world.district else 0)


@pytest.mark.parametrize("zoom", [3, 17])
def test_the_map_shows_nothing_of_the_next_town(full: Home, neighbour: Callers, zoom: int) -> None:
    path, params = "/api/v1/hazards/map", {"zoom": zoom}
    at_home = full.world.person("supervisor", region=full.world.town)
    assert at_home.get(path, params=params).json()["features"]
    for more in ({}, {"region_id": str(full.world.district)}):
        shown = neighbour.browser("supervisor").get(path, params={**params, **more}).json()
        assert shown["features"] == []


def test_an_export_has_no_row_of_the_next_town(full: Home, neighbour: Callers) -> None:
    person = neighbour.browser("auditor")
    asked = person.post("/api/v1/hazards/exports", params={"format": "csv"}).json()
    portal = full.world.client.portal
    assert portal is not None
    portal.call(work_off, full.world.runtime, UUID(asked["id"]))
    export = person.get(f"/api/v1/hazards/exports/{asked['id']}").json()
    assert (export["status"], export["rows_done"]) == ("done", 0)
    file = person.get(f"/api/v1/hazards/exports/{asked['id']}/file")
    enterprises = person.get("/api/v1/enterprises/export", params={"format": "csv"})
    for answer in (file, enterprises):
        assert answer.status_code == 200, answer.text
        assert not any(mark in readable(answer) for mark in full.marks())


@pytest.mark.parametrize("collection", OF_THE_TOWN)
def test_a_phone_holds_nothing_of_the_next_town(
    full: Home, phone: Device, collection: SyncCollection
) -> None:
    """Which one of the town itself holds: else this would pass over empty collections."""
    marks, officer = full.marks(), full.once(officers)[0]
    replica = Replica(full.world, phone, limit=50)
    own = Replica(full.world, Field(full.world).phone(officer.user_id), limit=50)
    pulled = json.dumps(replica.pull(collection))
    whole = phone.request("GET", f"/sync/{collection}/pull", headers={"Accept": "application/x-ndjson"}).text
    at_home = json.dumps(own.pull(collection))
    assert any(mark in at_home for mark in marks)
    for mark in marks:
        assert mark not in whole
        assert mark not in pulled


@pytest.mark.parametrize("collection", sorted(OF_THE_AUTHORITY | SAME_EVERYWHERE))
def test_phones_of_both_towns_hold_the_same_staff_checklists_and_law(
    full: Home, phone: Device, collection: SyncCollection
) -> None:
    full.once(a_brigade_of_the_bureau)
    officer = full.once(officers)[0]
    beside, at_home = (Replica(full.world, one) for one in (phone, Field(full.world).phone(officer.user_id)))
    for replica in (beside, at_home):
        replica.pull(collection)
    assert beside.rows[collection] == at_home.rows[collection] != {}


def test_a_stream_tells_nothing_of_the_next_town(full: Home, phone: Device, listen: Listen) -> None:
    """What is told first after something happened in both towns is the own one's."""
    world, replica = full.world, Replica(full.world, phone)
    replica.pull("enterprises")
    ear = listen(phone, query=f"?cursor={replica.cursors['enterprises']}")
    manager = world.person("case_officer")
    registered(manager, world, "东镇新厂")
    own = registered(manager, world, "北镇新厂", world.neighbour_town)
    relay(world)
    event = ear.event()
    assert event is not None
    assert [one["id"] for one in json.loads(event["data"])["documents"]] == [own["id"]]


def test_what_waits_on_the_next_town_s_phones_is_not_on_the_board(full: Home, neighbour: Callers) -> None:
    at_home, beside = full.world.person("supervisor", region=full.world.town), neighbour.browser("supervisor")
    for path in ("/api/v1/board/packages", "/api/v1/inspections/waiting-packages"):
        assert at_home.get(path).json()["items"]
        assert beside.get(path).json()["items"] == []


class Firm:
    """A firm of the home town with a site in each of the two towns: the same clause was closed here and is found again there."""

    def __init__(self, home: Home) -> None:
        self.world, self.registry = home.world, Registry(home.world)
        self.enterprise, self.here, self.there = self.world.in_database(self._fill)
        self.paths = {hazard: f"/api/v1/hazards/{hazard}" for hazard in (self.here, self.there)}

    async def _fill(self, session: AsyncSession) -> tuple[UUID, UUID, UUID]:
        town, next_town = self.world.town, self.world.neighbour_town
        enterprise = await self.registry.enterprise(session, town)
        site, other = [await self.registry.site(session, enterprise, place) for place in (town, next_town)]
        clause = {"clause": "MEM10-7-5"}
        here = await self.registry.hazard(session, enterprise, site, town, status="closed", **clause)
        there = await self.registry.hazard(session, enterprise, other, next_town, **clause)
        for found in (here, there):
            await confirm_clause(session, found, clause["clause"], shanghai_today())
        return enterprise, here, there

    def reader(self, region: UUID) -> Person:
        return self.world.person("supervisor", region=region)


def test_of_a_firm_in_both_towns_each_sees_that_a_hazard_came_back_and_only_its_own_hazards(
    full: Home,
) -> None:
    firm, world = Firm(full), full.world
    whole, here, there = (firm.reader(place) for place in (world.district, world.town, world.neighbour_town))
    listed = {"enterprise_id": str(firm.enterprise)}
    for person, own in ((here, firm.here), (there, firm.there)):
        shown = person.get("/api/v1/hazards", params=listed).json()["items"]
        assert [row["id"] for row in shown] == [str(own)]
    assert there.get(firm.paths[firm.here]).status_code == 404
    for person, named in ((whole, str(firm.here)), (there, None)):
        (link,) = person.get(firm.paths[firm.there]).json()["came_back_from"]
        assert (link["hazard_id"], link["number"] is None) == (named, named is None)
        assert (link["ground"], link["days"]) == ("clause", 0)
    for person, named in ((whole, str(firm.there)), (here, None)):
        (link,) = person.get(firm.paths[firm.here]).json()["came_back_as"]
        assert (link["hazard_id"], link["number"] is None) == (named, named is None)


def test_the_picture_of_a_firm_in_both_towns_names_no_hazard_of_the_next_town(full: Home) -> None:
    firm, world = Firm(full), full.world

    async def move(session: AsyncSession) -> None:
        mine = update(Enterprise).where(Enterprise.id == firm.enterprise)
        await session.execute(mine.values(region_id=world.neighbour_town))

    world.in_database(move)
    path = f"/api/v1/enterprises/{firm.enterprise}/risk"
    for region, named in ((world.district, str(firm.here)), (world.neighbour_town, None)):
        picture = firm.reader(region).get(path).json()
        (link,) = picture["returns"]
        assert (link["hazard_id"], link["earlier_id"]) == (str(firm.there), named)
        assert (link["earlier_number"] is None) == (named is None)
        assert picture["came_back"] == 1
    assert firm.reader(world.town).get(path).status_code == 404
