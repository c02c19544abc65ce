"""A body that stands still or drips without end is given up at every door, and what came of it counts for nothing."""

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message

from app.core.ids import new_id
from app.http import middleware
from app.services.runtime import Runtime
from tests.factories.sending import Sending
from tests.factories.world import World


@pytest.fixture
def sending(world: World) -> Sending:
    return Sending(world)


def answer_to(
    sending: Sending,
    method: str,
    path: str,
    parts: list[bytes],
    *,
    every: float,
    ends: bool = False,
    signature: str = "x",
) -> tuple[int, dict[str, Any]]:
    """Send a body part by part and, unless it `ends`, the last one again and again; the answer's status and body."""
    phone = sending.phone
    headers = {
        "host": "testserver", "authorization": f"Bearer {phone.access_token}", "content-type": "application/json",
        "anshao-key-id": phone.key_id, "anshao-signature": signature, "anshao-package": str(new_id()),
        "repr-digest": "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
    }  # fmt: skip
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http", "state": {},
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("testserver", 80),
    }  # fmt: skip
    sent: list[Message] = []
    left = list(parts)

    async def receive() -> Message:
        await asyncio.sleep(every)
        part = left.pop(0) if ends or len(left) > 1 else left[0]
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    async def send(message: Message) -> None:
        sent.append(message)

    client = sending.world.client
    assert client.portal is not None
    client.portal.call(client.app, scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent))


DOORS = [
    ("POST", "/api/v1/session/login"),
    ("PUT", f"/mobile/v1/packages/{new_id()}"),
    ("POST", "/mobile/v1/sync/packages/push"),
    ("PUT", f"/mobile/v1/evidence/{new_id()}"),
]


@pytest.mark.parametrize(("method", "path"), DOORS, ids=["json", "package", "push", "file"])
def test_a_body_that_stands_still_is_given_up_and_may_be_sent_again_at_once(
    sending: Sending, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    monkeypatch.setattr(middleware, "SILENCE_SECONDS", 0.3)
    status, body = answer_to(sending, method, path, [b"{"], every=3600)
    assert (status, body["code"], body["retry"]) == (408, "body_overdue", "now")


def test_a_body_that_drips_is_given_up_after_its_whole_time(
    sending: Sending, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.5)
    monkeypatch.setattr(middleware, "SLOWEST_BYTES", runtime.settings.max_body_bytes * 10)
    status, body = answer_to(sending, *DOORS[1], [b"x"], every=0.05)
    assert (status, body["code"]) == (408, "body_overdue")


def test_a_slow_body_is_taken_while_it_keeps_coming(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its whole time is longer than the silence that would end it."""
    monkeypatch.setattr(middleware, "SILENCE_SECONDS", 1.5)
    package = sending.sealed()
    size = len(package.sealed) // 8
    parts = [package.sealed[start : start + size] for start in range(0, len(package.sealed), size)]
    signature = sending.phone.sign(f"anshao.package/1\n{package.hash}".encode())
    path = f"/mobile/v1/packages/{package.id}"
    status, body = answer_to(sending, "PUT", path, parts, every=0.25, ends=True, signature=signature)
    assert (status, body["status"]) == (201, "processed")
