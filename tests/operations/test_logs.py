"""What a real service writes to its log, and what it answers to what is no HTTP."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.http.middleware import MAX_HEADER_BYTES
from app.http.protocol import MAX_ADDRESS_BYTES
from tests.support.processes import START_SECONDS, Installation, Served

SECRETS = (
    "13800138000",
    "hunter2hunter2",
    "陈安全",
    "query-value",
    "0190a2e0-0000-7000-8000-00000000beef",
    "Bearer",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with its worker, logging everything it can."""
    installation = Installation.migrated(tmp_path_factory.mktemp("logs"))
    installation.environment["ANSHAO_LOG_LEVEL"] = "debug"
    with installation.serving("--with-worker") as running:
        yield running
        assert running.stop() == 0


def lines(served: Served) -> list[dict[str, Any]]:
    return [json.loads(line) for line in served.log.read_text().splitlines()]


def raw(served: Served, sent: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Send bytes as they are; the status, headers and body of the answer."""
    host, port = served.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(sent)
        received = b""
        while part := connection.recv(65536):
            received += part
    head, _, content = received.partition(b"\r\n\r\n")
    status_line, *headers = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in headers)}
    return int(status_line.split()[1]), fields, json.loads(content)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"this is no HTTP\r\n\r\n", 400, "bad_request"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nbroken header\r\n\r\n", 400, "bad_request"),
        (b"GET /" + b"x" * MAX_ADDRESS_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "address_too_long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * MAX_HEADER_BYTES + b"\r\n\r\n", 431, "headers_too_large"),
        (
            b"POST /api/v1/session/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
            400, "bad_request",
        ),
    ],
    ids=["no-http", "bad-length", "bad-header", "long-address", "long-header", "bad-chunk"],
)  # fmt: skip
def test_what_is_no_http_is_answered_with_problem_json(
    served: Served, sent: bytes, status: int, code: str
) -> None:
    answered, headers, body = raw(served, sent)
    assert (answered, body["code"], body["status"]) == (status, code, status)
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"


def test_an_endless_chunked_body_is_cut_off_with_413(served: Served) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(9):
            yield b" " * 1024 * 1024

    headers = {"Content-Type": "application/json"}
    answer = httpx.post(
        f"{served.address}/api/v1/session/login", content=endless(), headers=headers, timeout=30
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_every_line_is_json_and_tells_nothing_about_people(served: Served) -> None:
    with httpx.Client(base_url=served.address, timeout=30) as http:
        http.post("/api/v1/session/login", json={"login": "陈安全", "password": "hunter2hunter2"})
        http.get("/api/v1/hazards/0190a2e0-0000-7000-8000-00000000beef?trade=query-value&phone=13800138000")
        http.get(
            "/api/v1/hazards",
            headers={"Authorization": "Bearer 13800138000", "X-Request-Id": "from-outside-1"},
        )
        http.get("/nowhere/13800138000")
    deadline = time.monotonic() + START_SECONDS
    while '"unmatched"' not in served.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.1)  # a request's line follows its answer
    written = served.log.read_text()
    found = lines(served)
    assert [secret for secret in SECRETS if secret in written] == []
    assert {"timestamp", "level", "event"} <= set.intersection(*(set(line) for line in found))
    requests = [line for line in found if line["event"] == "request"]
    seen = {(line["method"], line["route"], line["status"]) for line in requests}
    assert ("POST", "/api/v1/session/login", 401) in seen
    assert ("GET", "/api/v1/hazards/{hazard_id}", 401) in seen
    assert ("GET", "unmatched", 404) in seen
    assert [line["request_id"] for line in requests if line["request_id"] == "from-outside-1"]
    assert all(line["milliseconds"] >= 0 and "actor" in line for line in requests)


def test_the_server_and_the_job_queue_write_json_too(served: Served) -> None:
    deadline = time.monotonic() + START_SECONDS
    loggers: set[str] = set()
    while time.monotonic() < deadline and not any(name.startswith("procrastinate") for name in loggers):
        time.sleep(0.2)
        loggers = {line.get("logger", "") for line in lines(served)}
    assert "uvicorn.error" in loggers
    assert any(name.startswith("procrastinate") for name in loggers)
