"""The guide's tables say what the reference phone does: it is watched doing it, answer by answer."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from anshao_phone import Item, Phone, Step, sha256_of
from anshao_phone.answers import OF_THE_ITEM, OF_THE_PHONE
from app.core.errors import Problem
from tests.clients.conftest import Time

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "field-client.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \| (\w+) \| \*\*(\w+)\*\* \| .+ \|$", GUIDE, re.MULTILINE)
TOKENS = {
    "device_id": "01a213f4-4c70-7359-acd2-d13457d313c1", "user_id": "01a213f4-4c70-7359-acd2-d13457d313c2",
    "key_id": "k", "access_token": "a", "refresh_token": "r", "expires_in": 900,
}  # fmt: skip


class Service:
    """Takes every package but one, which it answers with a problem whatever comes."""

    def __init__(self) -> None:
        self.problem: dict[str, Any] = {}
        self.refused = ""
        self.sealed: dict[str, str] = {}
        self.asked: Counter[str] = Counter()

    def answer(self, request: httpx.Request) -> httpx.Response:
        """One answer; receipts are never made."""
        where = request.url.path.removeprefix("/mobile/v1")
        self.asked[where] += 1
        if where in ("/devices/enroll", "/devices/refresh"):
            return httpx.Response(201, json=TOKENS)
        if where == "/public/v1/keys":
            return httpx.Response(200, json={"keys": [{"kid": "k", "x": "x", "purpose": "receipts"}]})
        identifier = where.split("/")[2]
        if identifier == self.refused:
            return self.refusal(self.problem)
        if request.method == "PUT":
            told = {"id": identifier, "hash": sha256_of(request.content), "status": "received"}
            return httpx.Response(201, json=told)
        if where.endswith("/receipt"):
            return self.refusal({"code": "receipt_pending", "status": 404, "retry": "after"})
        return httpx.Response(200, json={"id": identifier, "status": "processed", "missing_evidence": []})

    def refusal(self, problem: dict[str, Any]) -> httpx.Response:
        headers = {"content-type": "application/problem+json"}
        return httpx.Response(problem["status"], json=problem, headers=headers)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def phone(service: Service, tmp_path: Path) -> Iterator[Phone]:
    http = httpx.Client(transport=httpx.MockTransport(service.answer), base_url="http://test")
    with Phone(tmp_path / "phone", http, "phone", clock=Time().clock(), dice=Random(1)) as made:
        made.enroll("CODE")
        yield made


def what_it_does(phone: Phone, service: Service, refused: Item, other: Item) -> Step:
    """Seen from outside, after one pass in which the first package was refused."""
    report = phone.synchronize()
    tries = service.asked[f"/packages/{refused.id}"]
    if service.asked["/devices/refresh"]:
        assert tries > 1
        return Step.RENEW
    if report.is_stopped:
        return Step.STOP
    if not service.asked[f"/packages/{other.id}"]:
        assert (tries, report.trouble) == (1, service.problem["code"])
        return Step.WAIT
    if phone.outbox.item(refused.id).state == "aside":
        assert phone.outbox.item(refused.id).problem == service.problem
        return Step.ASIDE
    assert phone.outbox.item(refused.id).state == "waiting"
    return Step.LATER if tries == 1 else Step.REPEAT


@pytest.mark.parametrize(("code", "status", "retry", "step"), ROWS)
def test_the_phone_does_what_the_guide_says(
    phone: Phone, service: Service, code: str, status: str, retry: str, step: str
) -> None:
    refused, other = phone.seal({"note": 1}, []), phone.seal({"note": 2}, [])
    phone._asking._fresh_until = float("inf")  # so that tokens are renewed only because of the answer
    service.refused = str(refused.id)
    service.problem = {"code": code, "status": int(status), "retry": retry}
    assert what_it_does(phone, service, refused, other) is Step(step)


def every_problem(kind: type[Problem] = Problem) -> Iterator[type[Problem]]:
    yield kind
    for one in kind.__subclasses__():
        yield from every_problem(one)


def test_the_guide_has_every_answer_with_its_status_and_retry_and_none_twice() -> None:
    """docs/generate.py sorts every refusal of the program into the guide or among those that no phone meets."""
    told = [(code, int(status), retry) for code, status, retry, _ in ROWS]
    assert len(told) == len(set(told))
    assert len(told) > 80
    known = {(kind.code, kind.status, kind.retry) for kind in every_problem()}
    assert set(told) <= known
    assert {code for code, _, _ in told} >= OF_THE_ITEM.keys() | OF_THE_PHONE.keys()
    for code in (
        "package_rejected",
        "checksum_mismatch",
        "too_many_streams",
        "intake_quota",
        "bundle_refused",
    ):
        assert code in {one for one, _, _ in told}
