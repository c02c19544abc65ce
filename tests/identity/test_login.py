"""Console logins: guessing is braked, refresh tokens rotate, reuse ends the session, leaving is immediate."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from argon2 import extract_parameters
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import standing_at, utc_now
from app.models.identity import User
from app.services.identity import brake, passwords
from app.services.identity.passwords import hash_password, password_matches
from app.services.identity.tokens import issue_access_token, read_access_token
from tests.factories.world import Person, World

PASSWORD = "correct horse battery"


@pytest.fixture
def officer(world: World) -> Person:
    person = world.person("inspector")

    async def give_password(session: AsyncSession) -> None:
        hashed = await hash_password(PASSWORD)
        await session.execute(update(User).where(User.id == person.user_id).values(password_hash=hashed))

    world.in_database(give_password)
    return person


def log_in(world: World, person: Person, password: str = PASSWORD) -> Any:
    body = {"login": f"u{person.user_id.hex}", "password": password}
    return world.client.post("/api/v1/session/login", json=body)


def session_of(world: World, token: str) -> Any:
    return world.client.get("/api/v1/session", headers={"Authorization": f"Bearer {token}"})


def refresh(world: World, token: str) -> Any:
    return world.client.post("/api/v1/session/refresh", json={"refresh_token": token})


def test_a_wrong_login_and_a_wrong_password_answer_alike(world: World, officer: Person) -> None:
    wrong = log_in(world, officer, "wrong")
    unknown = world.client.post("/api/v1/session/login", json={"login": world.code, "password": "wrong"})
    assert wrong.status_code == unknown.status_code == 401
    assert {**wrong.json(), "request_id": 0} == {**unknown.json(), "request_id": 0}


def test_guessing_is_braked_even_with_the_right_password(
    world: World, officer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brake, "LIMITS", {**brake.LIMITS, "login_from": 2})
    assert [log_in(world, officer, "wrong").status_code for _ in range(3)] == [401, 401, 429]
    refused = log_in(world, officer)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_attempts")
    assert 1 <= int(refused.headers["Retry-After"]) <= 900


def test_right_logins_use_up_no_attempts(
    world: World, officer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brake, "LIMITS", {**brake.LIMITS, "login_from": 2})
    assert [log_in(world, officer).status_code for _ in range(4)] == [201] * 4


@pytest.mark.parametrize(("seconds", "status"), [(14 * 60 + 58, 200), (15 * 60 + 1, 401)])
def test_an_access_token_is_good_for_fifteen_minutes(
    world: World, officer: Person, seconds: int, status: int
) -> None:
    token = log_in(world, officer).json()["access_token"]
    with standing_at(utc_now() + timedelta(seconds=seconds)):
        assert session_of(world, token).status_code == status


def test_a_used_refresh_token_ends_the_session_once_its_successor_was_used(
    world: World, officer: Person
) -> None:
    opened = log_in(world, officer).json()
    second = refresh(world, opened["refresh_token"]).json()
    assert refresh(world, opened["refresh_token"]).json()["refresh_token"] == second["refresh_token"]
    third = refresh(world, second["refresh_token"]).json()
    assert session_of(world, third["access_token"]).status_code == 200
    assert refresh(world, opened["refresh_token"]).json()["code"] == "refresh_refused"
    assert session_of(world, third["access_token"]).status_code == 401
    assert refresh(world, third["refresh_token"]).status_code == 401


def test_logging_out_ends_this_session_only(world: World, officer: Person) -> None:
    opened = log_in(world, officer).json()
    headers = {"Authorization": f"Bearer {opened['access_token']}"}
    assert world.client.post("/api/v1/session/logout", headers=headers).status_code == 204
    assert session_of(world, opened["access_token"]).status_code == 401
    assert refresh(world, opened["refresh_token"]).status_code == 401
    assert officer.get("/api/v1/session").status_code == 200


def test_logging_out_everywhere_ends_every_console_session_of_this_person_only(
    world: World, officer: Person
) -> None:
    colleague, opened = world.person("inspector"), log_in(world, officer).json()
    assert len(officer.get("/api/v1/session/all").json()) == 2
    assert officer.post("/api/v1/session/logout-everywhere").status_code == 204
    assert session_of(world, opened["access_token"]).status_code == 401
    assert officer.get("/api/v1/session").status_code == 401
    assert colleague.get("/api/v1/session").status_code == 200


def test_changing_the_password_needs_the_present_one_and_ends_the_other_sessions(
    world: World, officer: Person
) -> None:
    other = log_in(world, officer).json()["access_token"]
    wrong = {"current": "wrong", "new": "another long password"}
    assert officer.post("/api/v1/session/password", json=wrong).json()["code"] == "wrong_credentials"
    short = {"current": PASSWORD, "new": "short"}
    assert officer.post("/api/v1/session/password", json=short).status_code == 422
    right = {"current": PASSWORD, "new": "another long password"}
    assert officer.post("/api/v1/session/password", json=right).status_code == 204
    assert session_of(world, other).status_code == 401
    assert officer.get("/api/v1/session").status_code == 200
    assert log_in(world, officer).status_code == 401
    assert log_in(world, officer, "another long password").status_code == 201


def test_tokens_of_an_old_signing_key_stay_valid_after_a_rotation(world: World, officer: Person) -> None:
    keys = world.runtime.keys
    old = keys.signing("access").id
    assert keys.rotate("access").id != old
    assert officer.get("/api/v1/session").status_code == 200
    fresh = issue_access_token(keys, minutes=5, session_id=officer.session_id)
    assert read_access_token(keys, fresh).session_id == officer.session_id
    assert session_of(world, fresh).status_code == 200


def test_a_login_that_does_not_exist_is_refused_at_the_cost_of_a_real_one() -> None:
    real = extract_parameters(asyncio.run(hash_password(PASSWORD)))
    assert extract_parameters(passwords._NEVER_MATCHES) == real
    assert asyncio.run(password_matches("no account has this password", None)) is False
