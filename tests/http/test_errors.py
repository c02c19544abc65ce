"""Every refusal is problem+json with a stable code, in the reader's language, whatever refused it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.http.middleware import MAX_HEADER_BYTES
from app.main import create_app
from tests.factories.world import World

LOGIN = "/api/v1/session/login"
NOBODY = {"login": "nobody", "password": "nothing at all"}
MEGABYTE = 1024 * 1024


def chunks(megabytes: int) -> Iterator[bytes]:
    """A body sent in chunks, its length unsaid."""
    for _ in range(megabytes):
        yield b" " * MEGABYTE


CASES: list[tuple[str, str, str, dict[str, Any], int, str]] = [
    ("an unknown address", "GET", "/nowhere", {}, 404, "not_found"),
    ("an unknown address of an audience", "GET", "/api/v1/nowhere", {}, 404, "not_found"),
    ("a method the address lacks", "DELETE", "/livez", {}, 405, "method_not_allowed"),
    ("a method HTTP lacks", "BREW", "/livez", {}, 405, "method_not_allowed"),
    ("a long body", "POST", LOGIN, {"content": b"x" * (9 * MEGABYTE)}, 413, "too_large"),
    ("a long body of unsaid length", "POST", LOGIN, {"content": 9}, 413, "too_large"),
    ("long headers", "GET", "/livez", {"headers": {"X-Long": "x" * MAX_HEADER_BYTES}}, 431, "headers_too_large"),
    ("a length that is no number", "POST", LOGIN, {"headers": {"Content-Length": "many"}}, 400, "bad_request"),
    ("half a JSON document", "POST", LOGIN, {"content": b'{"login": '}, 400, "bad_request"),
    ("bytes that are no UTF-8", "POST", LOGIN, {"content": b'{"login": "\xff"}'}, 400, "bad_request"),
    ("JSON nested without end", "POST", LOGIN, {"content": b"[" * 200_000}, 400, "bad_request"),
    ("a missing member", "POST", LOGIN, {"json": {"login": "x"}}, 422, "invalid"),
    ("an unknown member", "POST", LOGIN, {"json": {**NOBODY, "admin": True}}, 422, "invalid"),
    ("no body", "POST", LOGIN, {}, 422, "invalid"),
    ("another media type", "POST", LOGIN, {"content": b"login=x", "headers": {"Content-Type": "text/plain"}},
     415, "unsupported_media_type"),
    ("a form where JSON is read", "POST", LOGIN, {"data": NOBODY}, 415, "unsupported_media_type"),
    ("no login", "GET", "/api/v1/session", {}, 401, "unauthenticated"),
    ("a wrong login", "POST", LOGIN, {"json": NOBODY}, 401, "wrong_credentials"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_every_refusal_is_problem_json(
    client: TestClient, method: str, path: str, options: dict[str, Any], status: int, code: str
) -> None:
    if isinstance(options.get("content"), int):
        options = {"content": chunks(options["content"])}
    if path == LOGIN and "content" in options and "headers" not in options:
        options = {**options, "headers": {"Content-Type": "application/json"}}
    answer = client.request(method, path, **options)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["type"] == f"urn:anshao:problem:{code}"
    assert body["title"] == body["zh"] != body["en"]
    assert body["retry"] in ("never", "now", "after", "auth", "manual")
    assert body["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9", "en"),
        ("fr, en;q=0.5", "en"),
        ("en;q=0.3, zh;q=0.7", "zh"),
        ("en;q=many", "zh"),
        ("*", "zh"),
        (";;;,,,q=", "zh"),
    ],
)
def test_the_reader_chooses_the_language(client: TestClient, accepted: str, language: str) -> None:
    answer = client.get("/nowhere", headers={"Accept-Language": accepted})
    assert answer.json()["title"] == answer.json()[language]
    assert answer.headers["content-language"] == language
    assert "Accept-Language" in answer.headers["vary"]


def test_members_that_are_wrong_are_named_but_their_values_are_not_repeated(client: TestClient) -> None:
    answer = client.post(LOGIN, json={"login": {"secret": "hunter2"}})
    assert [error["at"] for error in answer.json()["errors"]] == ["body/login", "body/password"]
    assert "hunter2" not in answer.text


def test_a_defect_is_a_500_with_the_id_that_finds_it_in_the_log(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down() -> str:
        raise RuntimeError("王小安 13800138000")

    monkeypatch.setattr("app.routers.ops.newest_revision", break_down)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "王小安" not in answer.text


class _Failure(Exception):
    """What the driver says."""

    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("failure", "status", "code", "seconds"),
    [
        (DBAPIError("SELECT", None, _Failure("08006")), 503, "unavailable", "5"),
        (DBAPIError("SELECT", None, _Failure("40001")), 503, "unavailable", "5"),
        (DBAPIError("SELECT", None, _Failure("53300")), 503, "unavailable", "5"),
        (DBAPIError("SELECT", None, psycopg.OperationalError("in recovery mode")), 503, "unavailable", "5"),
        (PoolTimeout(), 503, "unavailable", "5"),
        (DBAPIError("INSERT", None, _Failure("23505")), 409, "conflict", None),
        (DBAPIError("SELECT", None, _Failure("42601")), 500, "internal_error", None),
    ],
)
def test_a_database_that_is_away_asks_to_come_back(
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
    status: int,
    code: str,
    seconds: str | None,
) -> None:
    def fail() -> str:
        raise failure

    monkeypatch.setattr("app.routers.ops.newest_revision", fail)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers.get("retry-after") == seconds


@pytest.mark.parametrize("value", ["a\x00b", "\x00"])
def test_a_nul_in_a_text_is_refused_not_a_defect(world: World, value: str) -> None:
    answer = world.client.post(LOGIN, json={"login": value, "password": "whatever"})
    assert (answer.status_code, answer.json()["code"]) in ((422, "invalid"), (401, "wrong_credentials"))


@pytest.mark.parametrize("given", ["phone-4711.abc", "0190a2e0-0000-7000-8000-000000000000", "a" * 64])
def test_a_callers_request_id_comes_back(client: TestClient, given: str) -> None:
    answer = client.get("/nowhere", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == given


@pytest.mark.parametrize(
    "given", ["", "short", "a" * 65, "has a space in it", "<script>alert(1)", "带有中文的编号"]
)
def test_a_request_id_that_could_harm_a_log_is_replaced(client: TestClient, given: str) -> None:
    answer = client.get("/livez", headers={"X-Request-Id": given.encode()})
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 36


def test_answers_are_not_kept_by_caches_and_not_sniffed(client: TestClient) -> None:
    answer = client.get("/livez")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_application_opens_nothing_before_it_starts() -> None:
    assert not hasattr(create_app().state, "runtime")
