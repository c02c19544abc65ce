"""A phone of the reference client before the production app, with a network between them that can be told to misbehave."""

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from anshao_phone import Acknowledged, Clock, File, Item, Phone
from tests.factories.field import Field
from tests.factories.world import Person, World

PORTAL = "<html><title>欢迎使用免费无线网络</title></html>"
Forward = Callable[[httpx.Request], httpx.Response]
Fault = Callable[[httpx.Request, Forward], httpx.Response]


class Network:
    """Carries requests to the application; the next ones suffer the faults that were put in, in order."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._faults: deque[tuple[str, Fault]] = deque()
        self.seen: list[tuple[str, str]] = []
        self.brings_receipts = True
        """Whether a receipt may come along with the answer to the last file; else it has to be asked for."""

    def suffer(self, where: str, fault: Fault, times: int = 1) -> None:
        """The next requests whose "METHOD path" contains `where` suffer it."""
        self._faults.extend([(where, fault)] * times)

    def count(self, where: str) -> int:
        """How many requests went there."""
        return sum(where in f"{method} {path}" for method, path in self.seen)

    def carry(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        self.seen.append((request.method, request.url.path))
        for index, (where, fault) in enumerate(self._faults):
            if where in f"{request.method} {request.url.path}":
                del self._faults[index]
                return fault(request, self._forward)
        return self._forward(request)

    def _forward(self, request: httpx.Request) -> httpx.Response:
        answer = self._world.client.request(
            request.method, request.url.raw_path.decode(), headers=list(request.headers.items()), content=request.content
        )  # fmt: skip
        date = {"date": datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")}
        content = answer.content
        if not self.brings_receipts and b'"signed_receipt"' in content:
            content = json.dumps(answer.json() | {"signed_receipt": None}).encode()
        headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
        return httpx.Response(answer.status_code, headers=headers | date, content=content, request=request)


def cut_before(request: httpx.Request, forward: Forward) -> httpx.Response:
    """The request never arrives."""
    raise httpx.ConnectError("cut")


def lose_answer(request: httpx.Request, forward: Forward) -> httpx.Response:
    """The request arrives, its answer does not."""
    forward(request)
    raise httpx.ReadError("cut")


def portal(request: httpx.Request, forward: Forward) -> httpx.Response:
    """A captive portal answers in the service's stead, with 200."""
    return httpx.Response(200, html=PORTAL, request=request)


def friendly_portal(request: httpx.Request, forward: Forward) -> httpx.Response:
    """A captive portal that speaks JSON."""
    return httpx.Response(200, json={"welcome": True, "id": "x"}, request=request)


def gateway(request: httpx.Request, forward: Forward) -> httpx.Response:
    """A gateway that does not reach the service."""
    return httpx.Response(502, html="<h1>502 Bad Gateway</h1>", request=request)


def answer(status: int, document: dict[str, Any], **headers: str) -> Fault:
    """The service answers this."""
    kind = "application/problem+json" if status >= 400 else "application/json"

    def fault(request: httpx.Request, forward: Forward) -> httpx.Response:
        content_type = {"content-type": kind} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return httpx.Response(status, json=document, headers=content_type, request=request)

    return fault


def problem(status: int, code: str, retry: str, **headers: str) -> Fault:
    """The service refuses with this."""
    return answer(status, {"code": code, "retry": retry, "status": status}, **headers)


@dataclass
class Time:
    """A phone's clocks under the test's hand: `off` shifts the wall clock, `steady` passes when told."""

    off: timedelta = timedelta()
    steady: float = 1000.0

    def clock(self) -> Clock:
        return Clock(lambda: datetime.now(UTC) + self.off, lambda: self.steady)


@dataclass
class Carried:
    """One enrolled phone, its network, its time, and everything it was told is safe."""

    world: World
    network: Network
    folder: Path
    field: Field
    officers: list[Person]
    time: Time
    told: list[Acknowledged] = field(default_factory=list)
    phone: Phone = None  # type: ignore[assignment]

    def code(self) -> str:
        """A one-time code for the phone's officer."""
        asked = {"user_id": str(self.officers[0].user_id)}
        given = self.world.person("administrator").post("/api/v1/devices/codes", json=asked)
        return str(given.json()["code"])

    def open(self) -> Phone:
        """The phone on its folder: also after a death, which forgets all that is not there."""
        http = httpx.Client(transport=httpx.MockTransport(self.network.carry), base_url="http://test")
        self.phone = Phone(
            self.folder, http, "phone", clock=self.time.clock(), dice=Random(1), listener=self.told.append
        )
        return self.phone

    def seal(self, *contents: bytes, **changes: Any) -> tuple[Item, list[File]]:
        """An inspection with these photographs, in the outbox."""
        photos = [self.phone.capture(content, question="RTO-01") for content in contents]
        officers = [officer.user_id for officer in self.officers]
        document = self.field.document(self.field.publish("rto"), officers, **changes)
        return self.phone.seal(document, photos), photos

    def states(self) -> list[str]:
        """The packages' states, oldest first."""
        found = self.phone.outbox.items("waiting", "sent", "aside", "receipted", "released")
        return [item.state for item in found]


@pytest.fixture
def carried(world: World, tmp_path: Path) -> Iterator[Carried]:
    officers = [world.person("inspector", region=world.town) for _ in range(2)]
    made = Carried(world, Network(world), tmp_path / "phone", Field(world), officers, Time())
    phone = made.open()
    administrator = world.person("administrator")
    fingerprint = phone.enroll(made.code())
    path = f"/api/v1/devices/{phone.device.device_id}/confirmation"
    assert administrator.post(path, version=1, json={"fingerprint": fingerprint}).status_code == 200
    yield made
    made.phone.close()
