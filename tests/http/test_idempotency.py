"""A creating POST that is sent twice creates once, whatever became of the first answer."""

import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from anyio import to_thread
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import utc_now
from app.jobs.housekeeping import ANSWERS_KEPT_FOR, remove_old_answers
from app.models.checklists import Template
from app.models.history import AuditEntry, IdempotentAnswer
from tests.factories.checklists import body
from tests.factories.world import Person, World

PATH = "/api/v1/checklists"


@pytest.fixture
def admin(world: World) -> Person:
    return world.person("administrator")


@pytest.fixture
def draft() -> dict[str, Any]:
    """A request that may be sent once per code."""
    return {"body": body(code=f"t{secrets.token_hex(6)}")}


def send(person: Person, request: dict[str, Any], key: str, **options: Any) -> Any:
    return person.post(PATH, json=request, headers={"Idempotency-Key": key}, **options)


def created(world: World, request: dict[str, Any]) -> int:
    async def count(session: AsyncSession) -> int:
        wanted = select(Template.id).where(Template.code == request["body"]["code"])
        return len((await session.execute(wanted)).all())

    counted = world.in_database(count)
    assert isinstance(counted, int)
    return counted


def test_a_repeated_request_gets_the_first_answer_and_creates_nothing(
    world: World, admin: Person, draft: dict[str, Any]
) -> None:
    key = secrets.token_hex(8)
    first, again = send(admin, draft, key), send(admin, draft, key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert created(world, draft) == 1

    async def audited(session: AsyncSession) -> int:
        wanted = select(AuditEntry.id).where(AuditEntry.user_id == admin.user_id)
        return len((await session.execute(wanted)).all())

    assert world.in_database(audited) == 1


def test_what_was_asked_cannot_be_found_by_trying_from_a_copy_of_the_database(
    world: World, admin: Person, draft: dict[str, Any]
) -> None:
    key = secrets.token_hex(8)
    sent = send(admin, draft, key).request

    async def stored(session: AsyncSession) -> str:
        wanted = select(IdempotentAnswer.request_hash).where(IdempotentAnswer.key == key)
        return (await session.execute(wanted)).scalar_one()

    tried = hashlib.sha256(f"{sent.method} {sent.url.path}?\n".encode() + sent.content).digest()
    kept = world.in_database(stored)
    assert kept not in (tried.hex(), hashlib.sha256(tried).hexdigest())
    assert kept == world.runtime.keys.derive("idempotent-request", tried).hex()


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_creating_request_must_say_which_attempt_it_is(
    world: World, admin: Person, draft: dict[str, Any], key: str
) -> None:
    answer = send(admin, draft, key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")
    assert created(world, draft) == 0


def test_a_key_stands_for_one_request_only(world: World, admin: Person, draft: dict[str, Any]) -> None:
    key = secrets.token_hex(8)
    assert send(admin, draft, key).status_code == 201
    other = {"body": body(code=f"t{secrets.token_hex(6)}")}
    answer = send(admin, other, key)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert created(world, other) == 0
    with_query = admin.post(f"{PATH}?x=1", json=draft, headers={"Idempotency-Key": key})
    assert with_query.json()["code"] == "idempotency_key_reused"


def test_a_key_is_the_callers_own(world: World, admin: Person, draft: dict[str, Any]) -> None:
    key, colleague = secrets.token_hex(8), world.person("administrator")
    other = {"body": body(code=f"t{secrets.token_hex(6)}")}
    assert send(admin, draft, key).status_code == 201
    answer = send(colleague, other, key)
    assert answer.status_code == 201
    assert answer.json()["code"] == other["body"]["code"]


def test_a_refused_request_may_be_mended_under_the_same_key(
    world: World, admin: Person, draft: dict[str, Any]
) -> None:
    key = secrets.token_hex(8)
    assert send(admin, {"body": {"code": "broken"}}, key).status_code == 422
    assert send(admin, draft, key).status_code == 201
    assert created(world, draft) == 1


def test_a_key_gives_nothing_to_whoever_may_not_ask(
    world: World, admin: Person, draft: dict[str, Any]
) -> None:
    key, reader = secrets.token_hex(8), world.person("inspector")
    assert send(admin, draft, key).status_code == 201
    assert send(reader, draft, key).status_code == 403
    anonymous = world.client.post(PATH, json=draft, headers={"Idempotency-Key": key})
    assert anonymous.status_code == 401


def test_while_the_first_request_runs_its_twin_is_told_to_wait(
    world: World, admin: Person, draft: dict[str, Any]
) -> None:
    """The lock is what an uncommitted first request holds; here another transaction holds it in its stead."""
    key = secrets.token_hex(8)

    async def send_meanwhile(session: AsyncSession) -> Any:
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 7))")
        await session.execute(lock, {"subject": f"user:{admin.user_id}\n{key}"})
        return await to_thread.run_sync(send, admin, draft, key)

    answer = world.in_database(send_meanwhile)
    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (
        409,
        "request_in_flight",
        "after",
    )
    assert send(admin, draft, key).status_code == 201


def test_many_twins_at_once_create_once(world: World, admin: Person, draft: dict[str, Any]) -> None:
    key = secrets.token_hex(8)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: send(admin, draft, key), range(6)))
    statuses = sorted(answer.status_code for answer in answers)
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"request_in_flight"}
    assert created(world, draft) == 1


def test_answers_are_forgotten_after_a_day(world: World, admin: Person, draft: dict[str, Any]) -> None:
    old, young = secrets.token_hex(8), secrets.token_hex(8)
    assert send(admin, draft, old).status_code == 201
    assert send(admin, {"body": body(code=f"t{secrets.token_hex(6)}")}, young).status_code == 201

    async def forget(session: AsyncSession) -> list[str]:
        past = utc_now() - ANSWERS_KEPT_FOR - timedelta(minutes=1)
        await session.execute(
            update(IdempotentAnswer).where(IdempotentAnswer.key == old).values(created_at=past)
        )
        assert await remove_old_answers(session) >= 1
        kept = select(IdempotentAnswer.key).where(IdempotentAnswer.key.in_([old, young]))
        return list(await session.scalars(kept))

    assert world.in_database(forget) == [young]
