"""Regions, authorities and brigades at the console: dated, never deleted, within the caller's regions."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.history import AuditEntry
from app.services.runtime import Runtime
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries

REGIONS, AUTHORITIES, BRIGADES = "/api/v1/regions", "/api/v1/authorities", "/api/v1/brigades"


def digits(count: int) -> str:
    return str(secrets.randbelow(9 * 10 ** (count - 1)) + 10 ** (count - 1))


def town(parent: UUID, **changes: Any) -> dict[str, Any]:
    body = {"code": digits(9), "name": "新镇", "level": "town", "parent_id": str(parent)}
    return {**body, "valid_from": "2026-01-01", **changes}


@pytest.fixture
def admin(world: World) -> Person:
    return world.person("administrator")


def made(person: Person, path: str, body: dict[str, Any], version: int | None = None) -> dict[str, Any]:
    answer = person.post(path, json=body, version=version)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_region_begins_below_its_parent_and_is_found_in_the_tree(world: World, admin: Person) -> None:
    begun = made(admin, REGIONS, town(world.district))
    parent = admin.get(f"{REGIONS}/{world.district}").json()
    assert begun["path"] == f"{parent['path']}{begun['code']}/"
    tree = admin.get(f"{REGIONS}/{world.city}/tree").json()
    below = {node["id"]: {leaf["id"] for leaf in node["children"]} for node in tree["children"]}
    assert below == {
        str(world.district): {str(world.town), str(world.neighbour_town), begun["id"]},
        str(world.other_district): {str(world.other_town)},
    }


@pytest.mark.parametrize(
    "changes, status, code",
    [
        ({"code": "330106"}, 422, "invalid"),
        ({"code": "33010600"}, 422, "invalid"),
        ({"level": "district", "code": "330106"}, 422, "region_place"),
        ({"level": "city", "code": "330100"}, 422, "invalid"),
        ({"valid_from": "2019-12-31"}, 422, "region_period"),
        ({"valid_until": "2025-12-31"}, 422, "invalid"),
        ({"name": " "}, 422, "invalid"),
        ({"name": "a\x00b"}, 422, "invalid"),
    ],
)
def test_a_region_that_cannot_be_is_refused(
    world: World, admin: Person, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = admin.post(REGIONS, json=town(world.district, **changes))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_code_is_given_once_even_after_its_region_ended(world: World, admin: Person) -> None:
    begun = made(admin, REGIONS, town(world.district, code=digits(12)))
    path = f"{REGIONS}/{begun['id']}/ending"
    assert admin.post(path, json={"valid_until": "2026-06-30"}, version=1).status_code == 200
    again = admin.post(REGIONS, json=town(world.district, code=begun["code"], valid_from="2026-07-01"))
    assert (again.status_code, again.json()["code"]) == (409, "code_taken")


def test_a_region_is_ended_after_those_below_it_and_never_deleted(world: World, admin: Person) -> None:
    path, last = f"{REGIONS}/{world.district}", {"valid_until": "2026-06-30"}
    assert admin.delete(path).status_code == 405
    assert admin.post(f"{path}/ending", json=last, version=1).json()["code"] == "region_in_use"
    below = f"{REGIONS}/{world.town}/ending"
    assert admin.post(below, json={"valid_until": "2019-12-31"}, version=1).status_code == 422
    assert admin.post(below, json=last, version=1).json()["valid_until"] == "2026-06-30"
    assert admin.post(f"{path}/ending", json=last, version=1).json()["code"] == "region_in_use"
    neighbour = f"{REGIONS}/{world.neighbour_town}/ending"
    assert admin.post(neighbour, json=last, version=1).status_code == 200
    assert admin.post(f"{path}/ending", json=last, version=1).status_code == 200
    assert admin.post(f"{path}/ending", json=last, version=2).json()["code"] == "already_ended"
    for day, present in (("2026-06-30", True), ("2026-07-01", False)):
        found = [row["id"] for row in admin.get(REGIONS, params={"on": day}).json()["items"]]
        assert (str(world.district) in found) is present
        assert str(world.other_town) in found


def test_renaming_needs_the_version_that_was_read_and_is_audited(world: World, admin: Person) -> None:
    path, body = f"{REGIONS}/{world.town}", {"name": "东城街道", "name_en": "Dongcheng"}
    assert admin.patch(path, json=body).status_code == 428
    assert admin.patch(path, json=body, version=7).status_code == 412
    answer = admin.patch(path, json=body, version=1)
    assert (answer.json()["name"], answer.headers["etag"]) == ("东城街道", '"2"')

    async def audited(session: AsyncSession) -> list[str]:
        wanted = select(AuditEntry.action).where(AuditEntry.object_id == world.town)
        return list((await session.execute(wanted)).scalars())

    assert world.in_database(audited) == ["regions:rename"]


def test_regions_are_listed_in_the_order_of_the_tree_page_by_page(
    world: World, admin: Person, runtime: Runtime
) -> None:
    seen, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = admin.get(REGIONS, params=params).json()
        seen += [UUID(row["id"]) for row in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    towns = [world.town, world.neighbour_town]
    assert seen == [world.city, world.district, *towns, world.other_district, world.other_town]
    with recorded_queries(runtime.database) as sent:
        within = admin.get(REGIONS, params={"within": str(world.district), "level": "town"}).json()["items"]
    assert [row["id"] for row in within] == [str(one) for one in towns]
    assert len(sent) <= 4


def test_a_district_manages_what_lies_below_it_only(world: World) -> None:
    local = world.person("administrator", region=world.district)
    made(local, REGIONS, town(world.district))
    assert local.post(REGIONS, json=town(world.other_district)).status_code == 404
    assert local.get(f"{REGIONS}/{world.city}").status_code == 404
    assert local.patch(f"{REGIONS}/{world.other_town}", json={"name": "x"}, version=1).status_code == 404
    supervisor = world.person("supervisor")
    assert supervisor.post(REGIONS, json=town(world.district)).status_code == 403


def authority(world: World, **changes: Any) -> dict[str, Any]:
    body = {
        "code": secrets.token_hex(6),
        "name": "东镇人民政府",
        "document_word": f"东镇{secrets.token_hex(6)}",
    }
    return {**body, "region_id": str(world.town), "valid_from": "2020-01-01", **changes}


def test_an_authority_covers_regions_and_is_entrusted_for_periods(world: World, admin: Person) -> None:
    office = made(admin, AUTHORITIES, authority(world))
    path = f"{AUTHORITIES}/{office['id']}"
    covered = {"region_id": str(world.town), "valid_from": "2026-01-01", "basis": "市政府令"}
    office = made(admin, f"{path}/jurisdictions", covered, office["version"])
    overlap = admin.post(
        f"{path}/jurisdictions", json={**covered, "valid_from": "2027-01-01"}, version=office["version"]
    )
    assert overlap.json()["code"] == "periods_overlap"
    entrusted = {
        "entrusted_by": str(world.authority),
        "basis": "委托书〔2026〕1号",
        "valid_from": "2026-01-01",
        "valid_until": "2026-12-31",
    }
    office = made(admin, f"{path}/entrustments", entrusted, office["version"])
    again = admin.post(
        f"{path}/entrustments", json={**entrusted, "valid_from": "2026-12-31"}, version=office["version"]
    )
    assert again.json()["code"] == "periods_overlap"
    renewal = {**entrusted, "valid_from": "2027-01-01", "valid_until": None}
    office = made(admin, f"{path}/entrustments", renewal, office["version"])
    ends = [one["valid_until"] for one in office["entrustments"]]
    assert ends == ["2026-12-31", None]
    part = f"{path}/entrustments/{office['entrustments'][1]['id']}/ending"
    ended = admin.post(part, json={"valid_until": "2027-06-30"}, version=office["version"])
    assert ended.json()["entrustments"][1]["valid_until"] == "2027-06-30"
    part = f"{path}/jurisdictions/{office['jurisdictions'][0]['id']}/ending"
    ended = admin.post(part, json={"valid_until": "2026-06-30"}, version=ended.json()["version"])
    assert ended.json()["jurisdictions"][0]["valid_until"] == "2026-06-30"
    assert admin.get(path).json() == ended.json()


def test_who_is_entrusted_entrusts_nobody(world: World, admin: Person) -> None:
    first, second = (made(admin, AUTHORITIES, authority(world)) for _ in range(2))
    body = {"basis": "委托书", "valid_from": "2026-01-01"}
    path = f"{AUTHORITIES}/{first['id']}/entrustments"
    made(admin, path, {**body, "entrusted_by": str(world.authority)}, 1)
    for target, by in ((second["id"], first["id"]), (world.authority, second["id"]), (second["id"],) * 2):
        answer = admin.post(
            f"{AUTHORITIES}/{target}/entrustments", json={**body, "entrusted_by": str(by)}, version=1
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "entrustment_chain")


def test_no_two_authorities_in_force_together_have_the_same_document_word(
    world: World, admin: Person
) -> None:
    """They would print the same numbers on different documents."""
    first = made(admin, AUTHORITIES, authority(world))
    word = first["document_word"]
    refused = admin.post(AUTHORITIES, json=authority(world, document_word=word))
    assert (refused.status_code, refused.json()["code"]) == (409, "document_word_taken")
    other = made(admin, AUTHORITIES, authority(world))
    renamed = admin.patch(f"{AUTHORITIES}/{other['id']}", json={"document_word": word}, version=1)
    assert (renamed.status_code, renamed.json()["code"]) == (409, "document_word_taken")
    path = f"{AUTHORITIES}/{first['id']}"
    assert admin.patch(path, json={"name": "东镇政府", "document_word": word}, version=1).status_code == 200
    assert admin.post(f"{path}/ending", json={"valid_until": "2026-06-30"}, version=2).status_code == 200
    made(admin, AUTHORITIES, authority(world, document_word=word, valid_from="2026-07-01"))
    bodies = [authority(world, document_word=f"同字{secrets.token_hex(6)}")] * 2
    bodies = [body | {"code": secrets.token_hex(6)} for body in bodies]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda body: admin.post(AUTHORITIES, json=body).status_code, bodies))
    assert sorted(answers) == [201, 409]


def test_an_authority_is_renamed_and_ended(world: World, admin: Person) -> None:
    office = made(admin, AUTHORITIES, authority(world))
    path = f"{AUTHORITIES}/{office['id']}"
    taken = admin.post(AUTHORITIES, json=authority(world, code=office["code"]))
    assert taken.json()["code"] == "code_taken"
    word = f"东应急{secrets.token_hex(6)}"
    assert admin.patch(path, json={"document_word": word}, version=1).json()["document_word"] == word
    assert admin.post(f"{path}/ending", json={"valid_until": "2019-01-01"}, version=2).status_code == 422
    assert admin.post(f"{path}/ending", json={"valid_until": "2026-06-30"}, version=2).status_code == 200
    listed = admin.get(AUTHORITIES, params={"on": "2026-07-01"}).json()["items"]
    assert [row["id"] for row in listed] == [str(world.authority)]


def test_part_of_another_authority_is_not_found(world: World, admin: Person) -> None:
    first, second = (made(admin, AUTHORITIES, authority(world)) for _ in range(2))
    covered = {"region_id": str(world.town), "valid_from": "2026-01-01"}
    first = made(admin, f"{AUTHORITIES}/{first['id']}/jurisdictions", covered, 1)
    wrong = f"{AUTHORITIES}/{second['id']}/jurisdictions/{first['jurisdictions'][0]['id']}/ending"
    assert admin.post(wrong, json={"valid_until": "2026-06-30"}, version=1).status_code == 404


def test_a_foreign_region_can_neither_be_covered_nor_entrust(world: World) -> None:
    local = world.person("administrator", region=world.district)
    office = made(local, AUTHORITIES, authority(world))
    path = f"{AUTHORITIES}/{office['id']}"
    covered = {"region_id": str(world.other_town), "valid_from": "2026-01-01"}
    assert local.post(f"{path}/jurisdictions", json=covered, version=1).status_code == 404
    entrusted = {"entrusted_by": str(world.authority), "basis": "x", "valid_from": "2026-01-01"}
    assert local.post(f"{path}/entrustments", json=entrusted, version=1).status_code == 403
    assert local.post(AUTHORITIES, json=authority(world, region_id=str(world.city))).status_code == 404


def test_a_squad_belongs_to_a_brigade_in_use(world: World, admin: Person) -> None:
    path = f"{AUTHORITIES}/{world.authority}/brigades"
    brigade = made(admin, path, {"name": "一大队"})
    squad = made(admin, path, {"name": "一中队", "parent_id": brigade["id"]})
    assert admin.post(path, json={"name": "一大队"}).json()["code"] == "name_taken"
    nested = admin.post(path, json={"name": "一小队", "parent_id": squad["id"]})
    assert nested.json()["code"] == "brigade_place"
    one = f"{BRIGADES}/{brigade['id']}"
    assert admin.patch(one, json={"is_active": False}, version=1).json()["is_active"] is False
    closed = admin.post(path, json={"name": "二中队", "parent_id": brigade["id"]})
    assert closed.json()["code"] == "brigade_place"
    listed = admin.get(BRIGADES, params={"authority_id": str(world.authority), "is_active": True}).json()
    assert [row["id"] for row in listed["items"]] == [squad["id"]]
    assert admin.patch(one, json={"name": "一中队"}, version=2).json()["code"] == "name_taken"
    assert world.person("inspector").patch(one, json={"name": "x"}, version=2).status_code == 403
