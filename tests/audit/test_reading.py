"""Auditors read the log of their regions, page by page; others don't."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.services.audit.sealing import seal_waiting
from app.services.audit.service import record_access
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries


def add_entries(world: World, *regions: UUID | None, action: str = "evidence:read_original") -> UUID:
    """One entry per region about one object; the object's id."""
    object_id = new_id()

    async def make(session: AsyncSession) -> None:
        for region in regions:
            await record_access(
                session, SYSTEM, action=action, kind="evidence", object_id=object_id, region_id=region
            )

    world.in_database(make)
    return object_id


def entries(person: Person, **wanted: object) -> list[dict[str, object]]:
    answer = person.get("/api/v1/audit/entries", params=wanted)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert isinstance(items, list)
    return items


def test_an_auditor_sees_the_entries_of_the_own_regions_only(world: World) -> None:
    object_id = add_entries(world, world.town, world.other_town)
    of_district = world.person("auditor", region=world.district)
    of_city = world.person("auditor")
    assert [e["region_id"] for e in entries(of_district, object_id=str(object_id))] == [str(world.town)]
    assert len(entries(of_city, object_id=str(object_id))) == 2


def test_an_entry_of_no_region_is_seen_by_auditors_of_a_whole_city_only(world: World) -> None:
    object_id = add_entries(world, None)
    assert entries(world.person("auditor", region=world.district), object_id=str(object_id)) == []
    assert len(entries(world.person("auditor"), object_id=str(object_id))) == 1


def test_whoever_is_no_auditor_is_refused(world: World) -> None:
    for role in ("administrator", "inspector", "approver"):
        for path in ("entries", "checkpoints"):
            assert world.person(role).get(f"/api/v1/audit/{path}").status_code == 403
    assert world.client.get("/api/v1/audit/entries").status_code == 401


def test_every_filter_narrows(world: World) -> None:
    auditor = world.person("auditor")
    object_id = str(add_entries(world, world.town, action="hazards:close"))
    today = shanghai_today()
    matching: list[dict[str, object]] = [
        {"kind": "evidence"},
        {"action": "hazards:close"},
        {"from_on": str(today), "to_on": str(today)},
        {"from_on": str(today - timedelta(days=1))},
    ]
    excluding: list[dict[str, object]] = [
        {"kind": "case"},
        {"action": "hazards:open"},
        {"user_id": str(new_id())},
        {"from_on": str(today + timedelta(days=1))},
        {"to_on": str(today - timedelta(days=1))},
    ]
    for wanted in matching:
        assert len(entries(auditor, object_id=object_id, **wanted)) == 1, wanted
    for wanted in excluding:
        assert entries(auditor, object_id=object_id, **wanted) == [], wanted


def test_pages_follow_one_another_newest_first_with_a_bounded_number_of_queries(world: World) -> None:
    object_id = str(add_entries(world, *[world.town] * 5))
    auditor = world.person("auditor")
    seen: list[int] = []
    cursor: str | None = None
    with recorded_queries(world.runtime.database) as queries:
        while True:
            wanted = {"object_id": object_id, "limit": 2} | ({"cursor": cursor} if cursor else {})
            page = auditor.get("/api/v1/audit/entries", params=wanted).json()
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)
    assert len(queries) <= 3 * 3


def test_an_entry_shows_its_seal_and_the_seal_is_listed(world: World) -> None:
    auditor = world.person("auditor")
    object_id = str(add_entries(world, world.town))
    assert entries(auditor, object_id=object_id)[0]["seal_number"] is None
    while world.in_database(lambda session: seal_waiting(session, world.runtime.keys)):
        pass
    number = entries(auditor, object_id=object_id)[0]["seal_number"]
    newest = auditor.get("/api/v1/audit/checkpoints", params={"limit": 1}).json()["items"][0]
    assert isinstance(number, int)
    assert newest["number"] >= number
    assert newest["key_id"] in {
        key["kid"] for key in world.client.get("/public/v1/keys").json()["keys"] if key["purpose"] == "audit"
    }


def test_the_public_keys_hold_every_purpose_and_no_private_part(world: World) -> None:
    answer = world.client.get("/public/v1/keys")
    keys = answer.json()["keys"]
    assert {key["purpose"] for key in keys} == {"access", "receipts", "audit"}
    assert all("d" not in key for key in keys)
    assert answer.headers["cache-control"] == "public, max-age=300"
