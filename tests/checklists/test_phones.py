"""What phones download, and what loading the shipped content does."""

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.services.checklists.content import content_hash, shipped_bodies
from app.services.checklists.loading import Loaded, load_shipped_checklists
from app.services.checklists.repository import find_version_by_hash
from app.services.checklists.service import checklist_of
from tests.checklists.test_console import CONSOLE, drafted, new_body, published
from tests.factories.world import Person, World

PHONE = "/mobile/v1/templates"


@pytest.fixture
def inspector(world: World) -> Person:
    return world.person("inspector")


@pytest.fixture
def admin(world: World) -> Person:
    return world.person("administrator")


def load(world: World, bodies: dict[str, Any]) -> list[Loaded]:
    async def work(session: AsyncSession) -> list[Loaded]:
        return await load_shipped_checklists(session, bodies)

    result = world.in_database(work)
    assert isinstance(result, list)
    return result


def test_downloaded_bytes_hash_to_the_address_and_may_be_kept_for_ever(
    admin: Person, inspector: Person
) -> None:
    version = published(admin, new_body())
    answer = inspector.get(f"{PHONE}/{version['content_hash']}")
    assert answer.status_code == 200
    assert "sha-256:" + hashlib.sha256(answer.content).hexdigest() == version["content_hash"]
    assert answer.headers["etag"] == f'"{version["content_hash"]}"'
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"


@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', '"other", "{}"'])
def test_phone_that_has_it_downloads_nothing(admin: Person, inspector: Person, form: str) -> None:
    digest = published(admin, new_body())["content_hash"]
    answer = inspector.get(f"{PHONE}/{digest}", headers={"If-None-Match": form.format(digest)})
    assert (answer.status_code, answer.content) == (304, b"")
    assert inspector.get(f"{PHONE}/{digest}", headers={"If-None-Match": '"x"'}).status_code == 200


def test_draft_is_never_downloaded_and_withdrawn_version_still_is(admin: Person, inspector: Person) -> None:
    draft, version = drafted(admin, new_body()), published(admin, new_body())
    admin.post(f"{CONSOLE}/{version['id']}/withdraw", json={"reason": "更新"}, version=version["version"])
    assert inspector.get(f"{PHONE}/{draft['content_hash']}").status_code == 404
    assert inspector.get(f"{PHONE}/{version['content_hash']}").status_code == 200
    assert inspector.get(f"{PHONE}/sha-256:{'0' * 64}").status_code == 404
    assert inspector.get(f"{PHONE}/nonsense").status_code == 422


def test_phone_is_offered_the_version_in_force_on_the_day(admin: Person, inspector: Person) -> None:
    code = f"t{secrets.token_hex(6)}"
    old = published(admin, new_body("Q-1", code=code) | {"in_force_from": "2025-01-01"})
    new = published(admin, new_body("Q-2", code=code) | {"in_force_from": "2026-06-01"})

    def offered(day: str) -> list[str]:
        templates = inspector.get(PHONE, params={"on": day}).json()["templates"]
        return [t["content_hash"] for t in templates if t["code"] == code]

    assert offered("2024-12-31") == []
    assert offered("2026-05-31") == [old["content_hash"]]
    assert offered("2026-06-01") == [new["content_hash"]]
    admin.post(f"{CONSOLE}/{new['id']}/withdraw", json={"reason": "有误"}, version=new["version"])
    assert offered("2026-06-01") == [old["content_hash"]]


def renamed(bodies: dict[str, Any]) -> dict[str, Any]:
    """The shipped bodies under codes of this test's own."""
    suffix = secrets.token_hex(6)
    return {
        f"{code}-{suffix}": {**deepcopy(body), "code": f"{code}-{suffix}"} for code, body in bodies.items()
    }


def test_loading_twice_changes_nothing(world: World) -> None:
    bodies = renamed(shipped_bodies())
    first, second = load(world, bodies), load(world, bodies)
    assert [one.change for one in first] == ["published"] * 5
    assert [one.change for one in second] == ["unchanged"] * 5
    assert [(one.code, one.number) for one in first] == [(one.code, one.number) for one in second]


def test_two_loads_at_once_publish_each_checklist_once(world: World) -> None:
    bodies = renamed({"evacuation": shipped_bodies()["evacuation"]})

    async def load_once() -> list[Loaded]:
        async with world.runtime.database.write() as session:
            return await load_shipped_checklists(session, bodies)

    async def both() -> list[list[Loaded]]:
        return await asyncio.gather(load_once(), load_once())

    assert world.client.portal is not None
    results = world.client.portal.call(both)
    assert sorted(one.change for (one,) in results) == ["published", "unchanged"]
    assert {one.number for (one,) in results} == {1}


def test_changed_file_becomes_a_new_version_and_the_old_one_stays(world: World, inspector: Person) -> None:
    bodies = renamed({"rto": shipped_bodies()["rto"]})
    (first,) = load(world, bodies)
    changed = deepcopy(bodies)
    changed[first.code]["settings"]["chamber_celsius"]["value"] = 800
    (second,) = load(world, changed)
    assert (second.change, second.number) == ("published", 2)
    assert inspector.get(f"{PHONE}/{first.content_hash}").json() == bodies[first.code]
    assert inspector.get(f"{PHONE}/{second.content_hash}").json() == changed[first.code]
    assert [one.change for one in load(world, bodies)] == ["unchanged"]


def test_withdrawn_version_is_not_brought_back_by_loading(world: World, admin: Person) -> None:
    bodies = renamed({"rto": shipped_bodies()["rto"]})
    (loaded,) = load(world, bodies)
    row = admin.get(CONSOLE, params={"code": loaded.code}).json()["items"][0]
    assert row["origin"] == "shipped"
    admin.post(f"{CONSOLE}/{row['id']}/withdraw", json={"reason": "暂停"}, version=row["version"])
    assert [one.change for one in load(world, bodies)] == ["unchanged"]
    assert admin.get(f"{CONSOLE}/{row['id']}").json()["status"] == "withdrawn"


def test_content_that_does_not_hold_together_loads_nothing(
    world: World, admin: Person, in_database: Callable[..., Any]
) -> None:
    bodies = renamed({"evacuation": shipped_bodies()["evacuation"], "rto": shipped_bodies()["rto"]})
    good, bad = sorted(bodies)
    bodies[bad]["sections"] = []
    with pytest.raises(Exception, match="not valid"):
        load(world, bodies)
    assert admin.get(CONSOLE, params={"code": good}).json()["items"] == []


def test_parsed_content_of_a_version_is_read_once(world: World, admin: Person) -> None:
    content = new_body()
    published(admin, content)

    async def read_twice(session: AsyncSession) -> bool:
        row = await find_version_by_hash(session, content_hash(content))
        assert row is not None
        return checklist_of(row[0]) is checklist_of(row[0])

    assert world.in_database(read_twice) is True
