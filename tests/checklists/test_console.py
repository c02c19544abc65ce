"""Drafts, publishing and withdrawing over HTTP; what is published never changes."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.checklists import TemplateVersion
from app.models.history import AuditEntry
from app.services.checklists.content import content_hash
from tests.factories.checklists import body, section, yes_no
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries

CONSOLE = "/api/v1/checklists"


def new_body(*questions: str, code: str | None = None) -> dict[str, Any]:
    items = [yes_no(question) for question in questions or ("Q-1",)]
    return body(section("s", *items), code=code or f"t{secrets.token_hex(6)}")


def drafted(person: Person, content: dict[str, Any]) -> dict[str, Any]:
    answer = person.post(CONSOLE, json={"body": content})
    assert answer.status_code == 201, answer.text
    return answer.json()


def published(person: Person, content: dict[str, Any]) -> dict[str, Any]:
    draft = drafted(person, content)
    answer = person.post(f"{CONSOLE}/{draft['id']}/publish", version=draft["version"])
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def admin(world: World) -> Person:
    return world.person("administrator")


def test_draft_keeps_its_content_exactly_and_can_be_replaced(admin: Person) -> None:
    content = new_body()
    draft = drafted(admin, content)
    assert (draft["status"], draft["number"], draft["body"]) == ("draft", 1, content)
    assert draft["content_hash"] == content_hash(content)
    changed = new_body("Q-1", "Q-2", code=content["code"])
    answer = admin.put(f"{CONSOLE}/{draft['id']}", json={"body": changed}, version=draft["version"])
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"2"'
    read = admin.get(f"{CONSOLE}/{draft['id']}")
    assert (read.json()["body"], read.json()["content_hash"]) == (changed, content_hash(changed))


def test_replacing_a_draft_needs_the_version_that_was_read(admin: Person) -> None:
    draft = drafted(admin, new_body())
    address, content = f"{CONSOLE}/{draft['id']}", {"body": draft["body"]}
    assert admin.put(address, json=content).status_code == 428
    assert admin.put(address, json=content, version=7).json()["code"] == "precondition_failed"
    assert admin.put(address, json=content, version=7).status_code == 412
    assert admin.delete(address, version=7).status_code == 412
    assert admin.get(address).json()["version"] == 1


def test_draft_keeps_its_code(admin: Person) -> None:
    draft = drafted(admin, new_body())
    answer = admin.put(f"{CONSOLE}/{draft['id']}", json={"body": new_body()}, version=1)
    assert (answer.status_code, answer.json()["code"]) == (422, "checklist_content_invalid")


@pytest.mark.parametrize(
    "spoilt",
    [
        {"title": {"zh": "a\x00b", "en": "x"}},
        {"title": {"zh": "\ud800", "en": "x"}},
        {"sections": []},
        {"surprise": 1},
        {"code": "不行"},
        {"settings": {"k": {"value": 2**60, "unit": "m"}}},
    ],
)
def test_invalid_content_is_refused_with_its_errors(admin: Person, spoilt: dict[str, Any]) -> None:
    sent = json.dumps({"body": new_body() | spoilt})
    answer = admin.post(CONSOLE, content=sent, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "checklist_content_invalid")
    assert answer.json()["errors"]


def test_published_version_refuses_every_change_over_http(admin: Person) -> None:
    version = published(admin, new_body())
    address = f"{CONSOLE}/{version['id']}"
    change = admin.put(address, json={"body": version["body"]}, version=version["version"])
    again = admin.post(f"{address}/publish", version=version["version"])
    gone = admin.delete(address, version=version["version"])
    assert [a.status_code for a in (change, again, gone)] == [409, 409, 409]
    assert {a.json()["code"] for a in (change, again, gone)} == {"checklist_state"}


@pytest.mark.parametrize(
    "values",
    [
        {"body": {}},
        {"content_hash": "sha-256:0"},
        {"title_zh": "别的"},
        {"number": 99},
        {"status": "draft", "published_at": None},
        {"in_force_from": "2020-01-01"},
    ],
)
def test_database_itself_refuses_to_change_a_published_version(
    admin: Person, world: World, values: dict[str, Any]
) -> None:
    version = published(admin, new_body())

    async def rewrite(session: AsyncSession) -> None:
        await session.execute(
            update(TemplateVersion).where(TemplateVersion.id == UUID(version["id"])).values(**values)
        )

    with pytest.raises(DBAPIError, match="never changes"):
        world.in_database(rewrite)
    assert admin.get(f"{CONSOLE}/{version['id']}").json() == version


def test_database_itself_refuses_to_delete_a_published_version(admin: Person, world: World) -> None:
    version = published(admin, new_body())

    async def remove(session: AsyncSession) -> None:
        await session.execute(delete(TemplateVersion).where(TemplateVersion.id == UUID(version["id"])))

    async def empty(session: AsyncSession) -> None:
        await session.execute(text("TRUNCATE template_versions CASCADE"))

    for attempt in (remove, empty):
        with pytest.raises(DBAPIError, match=r"stays|append-only"):
            world.in_database(attempt)


def test_withdrawn_version_stays_readable_and_is_final(admin: Person) -> None:
    version = published(admin, new_body())
    address = f"{CONSOLE}/{version['id']}"
    assert admin.post(f"{address}/withdraw", json={"reason": " "}, version=2).status_code == 422
    answer = admin.post(f"{address}/withdraw", json={"reason": "标准已更新"}, version=version["version"])
    assert (answer.status_code, answer.json()["status"]) == (200, "withdrawn")
    assert answer.json()["withdrawn_reason"] == "标准已更新"
    again = admin.post(f"{address}/withdraw", json={"reason": "再次"}, version=answer.json()["version"])
    assert (again.status_code, again.json()["code"]) == (409, "checklist_state")
    assert admin.get(address).json()["body"] == version["body"]


def test_same_content_is_not_published_twice(admin: Person) -> None:
    version = published(admin, new_body())
    draft = drafted(admin, version["body"])
    answer = admin.post(f"{CONSOLE}/{draft['id']}/publish", version=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "checklist_already_published")


def test_two_publications_at_once_end_in_one(admin: Person) -> None:
    draft = drafted(admin, new_body())
    with ThreadPoolExecutor(2) as pool:
        publish = [pool.submit(admin.post, f"{CONSOLE}/{draft['id']}/publish", version=1) for _ in range(2)]
    statuses = sorted(one.result().status_code for one in publish)
    assert statuses in ([200, 409], [200, 412])
    assert admin.get(f"{CONSOLE}/{draft['id']}").json()["version"] == 2


def test_versions_of_one_checklist_are_numbered_and_compared(admin: Person) -> None:
    first = published(admin, new_body("Q-1", "Q-2"))
    second = drafted(admin, new_body("Q-1", "Q-3", code=first["code"]))
    assert second["number"] == 2
    answer = admin.get(f"{CONSOLE}/{second['id']}/differences", params={"before": first["id"]})
    found = {(d["change"], d["at"]) for d in answer.json()["differences"]}
    assert found == {("changed", "section:s"), ("added", "item:Q-3"), ("removed", "item:Q-2")}


def test_deleted_draft_is_gone(admin: Person) -> None:
    draft = drafted(admin, new_body())
    assert admin.delete(f"{CONSOLE}/{draft['id']}", version=1).status_code == 204
    assert admin.get(f"{CONSOLE}/{draft['id']}").status_code == 404


def test_repeated_creation_with_the_same_key_makes_one_draft(admin: Person) -> None:
    content, headers = {"body": new_body()}, {"Idempotency-Key": secrets.token_hex(8)}
    first = admin.post(CONSOLE, json=content, headers=headers)
    second = admin.post(CONSOLE, json=content, headers=headers)
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotent-replayed"] == "true"


def test_list_is_filtered_and_paged_without_gaps(admin: Person, world: World) -> None:
    code = f"t{secrets.token_hex(6)}"
    made = [drafted(admin, new_body(f"Q-{n}", code=code))["id"] for n in range(5)]
    seen: list[str] = []
    parameters: dict[str, Any] = {"code": code, "limit": 2, "status": "draft"}
    while True:
        page = admin.get(CONSOLE, params=parameters).json()
        seen += [row["id"] for row in page["items"]]
        if page["next_cursor"] is None:
            break
        parameters["cursor"] = page["next_cursor"]
    assert seen == made[::-1]
    assert admin.get(CONSOLE, params={"code": code, "status": "published"}).json()["items"] == []
    assert admin.get(CONSOLE, params={"code": code, "in_force_on": "2025-12-31"}).json()["items"] == []
    assert len(admin.get(CONSOLE, params={"code": code, "q": "SAMPLE"}).json()["items"]) == 5
    assert admin.get(CONSOLE, params={"code": code, "q": "%"}).json()["items"] == []


def test_list_takes_the_same_queries_however_long_it_is(admin: Person, world: World) -> None:
    code = f"t{secrets.token_hex(6)}"
    counts = []
    for number in range(2):
        for more in range(1 + 4 * number):
            drafted(admin, new_body(f"Q-{number}-{more}", code=code))
        with recorded_queries(world.runtime.database) as queries:
            assert admin.get(CONSOLE, params={"code": code}).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 3


def test_every_act_leaves_an_audit_row(admin: Person, world: World) -> None:
    version = published(admin, new_body())
    admin.post(f"{CONSOLE}/{version['id']}/withdraw", json={"reason": "更新"}, version=version["version"])

    async def actions(session: AsyncSession) -> list[tuple[str, str | None, str | None]]:
        query = select(AuditEntry).where(AuditEntry.object_id == UUID(version["id"])).order_by(AuditEntry.id)
        return [(e.action, e.before_hash, e.after_hash) for e in (await session.execute(query)).scalars()]

    rows = world.in_database(actions)
    assert [row[0] for row in rows] == ["checklists.draft", "checklists.publish", "checklists.withdraw"]
    assert [row[1] for row in rows[1:]] == [row[2] for row in rows[:-1]]


READERS = ["inspector", "safety_assistant", "case_officer", "legal_reviewer", "approver"]


@pytest.mark.parametrize("role", READERS)
def test_who_may_not_write_checklists_reads_published_ones_only(
    world: World, admin: Person, role: str
) -> None:
    draft, version = drafted(admin, new_body()), published(admin, new_body())
    person = world.person(role)
    assert person.get(f"{CONSOLE}/{version['id']}").status_code == 200
    assert person.get(f"{CONSOLE}/{draft['id']}").status_code == 404
    assert person.get(CONSOLE, params={"code": draft["code"]}).json()["items"] == []
    comparison = f"{CONSOLE}/{version['id']}/differences"
    assert person.get(comparison, params={"before": draft["id"]}).status_code == 404
    attempts = [
        person.post(CONSOLE, json={"body": new_body()}),
        person.put(f"{CONSOLE}/{draft['id']}", json={"body": draft["body"]}, version=1),
        person.delete(f"{CONSOLE}/{draft['id']}", version=1),
        person.post(f"{CONSOLE}/{draft['id']}/publish", version=1),
        person.post(f"{CONSOLE}/{version['id']}/withdraw", json={"reason": "x"}, version=2),
    ]
    assert [attempt.status_code for attempt in attempts] == [403] * 5


def test_supervisor_writes_drafts_but_does_not_publish(world: World) -> None:
    supervisor = world.person("supervisor")
    draft = drafted(supervisor, new_body())
    answer = supervisor.post(f"{CONSOLE}/{draft['id']}/publish", version=1)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_auditor_reads_drafts_and_writes_nothing(world: World, admin: Person) -> None:
    draft = drafted(admin, new_body())
    auditor = world.person("auditor")
    assert auditor.get(f"{CONSOLE}/{draft['id']}").status_code == 200
    assert auditor.put(f"{CONSOLE}/{draft['id']}", json={"body": draft["body"]}, version=1).status_code == 403


@pytest.mark.parametrize("path", [CONSOLE, f"{CONSOLE}/{UUID(int=0)}", "/mobile/v1/templates"])
def test_nobody_reads_checklists_without_a_login(world: World, path: str) -> None:
    assert world.client.get(path).status_code == 401
