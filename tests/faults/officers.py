"""Officers with phones: inspections without a network, then a bad one, until every receipt is held. Phones die and come back."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from anshao_phone import Acknowledged, Clock, File, Item, Phone, sha256_of
from app.core.clock import SHANGHAI
from app.demo.photos import make_photo
from tests.faults.city import City
from tests.faults.proxy import Proxy, Request

LONGEST_WAIT = 4.0
SHOWN_TEXT = "sha-256:" + "5" * 64
TIMEOUT = httpx.Timeout(8, connect=3)


class Died(BaseException):
    """The phone's app is gone at this very moment."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A package as its phone made it."""

    id: str
    sha256: str
    size: int
    visit_id: str
    has_findings: bool
    files: dict[str, tuple[str, int]]
    """(hash, size) by id."""


@dataclass(slots=True)
class Journal:
    """What one phone has sealed, and what it was told is safe."""

    device_id: str = ""
    sealed: list[Sealed] = field(default_factory=list)
    told: set[tuple[str, str, str]] = field(default_factory=set)
    """(what, id, hash) of every acknowledgment."""
    receipts: list[tuple[int, str, bytes]] = field(default_factory=list)
    """(number, package id, body) as the phone holds them at the end."""
    reconnects: list[float] = field(default_factory=list)
    """Seconds from each return of the network to the last receipt."""
    abandoned: dict[str, tuple[str, int]] = field(default_factory=dict)
    """(hash, size) by id of files that arrived and whose packages will never come."""
    standing: dict[str, str] = field(default_factory=dict)
    """What the service says of those at the end."""
    unheard: list[Request] = field(default_factory=list)
    """Requests whose answer came to an app that died before it could take it in."""
    deaths: int = 0
    aside: list[str] = field(default_factory=list)


class _DyingTransport(httpx.HTTPTransport):
    """Carries requests of an app that may be killed before or after any of them."""

    def __init__(self, dice: random.Random, rate: float) -> None:
        super().__init__()
        self.dice = dice
        self.rate = rate
        self.unheard: list[Request] = []
        """Requests whose answer came, and the app died before it had taken it in."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.dice.random() < self.rate:
            raise Died
        response = super().handle_request(request)
        if self.dice.random() < self.rate:
            response.close()
            start = int(request.headers.get("upload-offset", "0"))
            self.unheard.append((f"{request.method} {request.url.raw_path.decode()}", start))
            raise Died
        return response


class Officer(threading.Thread):
    """One officer at work until `inspections` are delivered, or until told to come to an end."""

    def __init__(
        self, number: int, city: City, proxy: Proxy, folder: Path, seed: int, inspections: int, photos: tuple[int, int]
    ) -> None:  # fmt: skip
        super().__init__(name=f"officer {number}", daemon=True)
        self.number = number
        self.journal = Journal()
        self.ending = threading.Event()
        """No further inspection is begun."""
        self.given_up = threading.Event()
        self.failure: BaseException | None = None
        self._city = city
        self._proxy = proxy
        self._folder = folder
        self._dice = random.Random(f"{seed}/officer/{number}")
        self._inspections = inspections
        self._photos = photos
        self._user_id = city.new_inspector(number)
        self._transport = _DyingTransport(random.Random(f"{seed}/deaths/{number}"), 0)
        self._phone = self._open()
        fingerprint = self._phone.enroll(city.code_for(self._user_id))
        self.journal.device_id = str(self._phone.device.device_id)
        city.confirm(self.journal.device_id, fingerprint)
        self._abandon()
        self._transport.rate = 0.004

    def _abandon(self) -> None:
        """A file that is sent before its package, which the officer then never seals: it waits for 90 days."""
        self._phone.refresh()
        content, identifier = self._dice.randbytes(30_000), uuid4()
        answer = self._phone.device.put_file(uuid4(), identifier, sha256_of(content), "image/jpeg", content)
        assert answer.status_code == 201, answer.text
        self.journal.abandoned[str(identifier)] = (sha256_of(content), len(content))

    def look_back(self) -> None:
        """When everything is over: the receipts held, what was set aside, what the service says of the abandoned file."""
        self._phone = self._open()
        self._phone.http = self._city.http
        outbox = self._phone.outbox
        items = outbox.items("waiting", "sent", "aside", "receipted", "released")
        kept = [outbox.kept_receipt(item.id) for item in items if outbox.receipt(item.id) is not None]
        self.journal.receipts = sorted((one.number, str(one.package_id), one.body) for one in kept)
        self.journal.aside = [str(item.problem) for item in outbox.items("aside")]
        self._phone.refresh()
        answer = self._phone.device.check_files([UUID(one) for one in self.journal.abandoned])
        self.journal.unheard = self._transport.unheard
        self.journal.standing = {row["id"]: row["status"] for row in answer.raise_for_status().json()}
        self._phone.close()
        self._transport.close()

    def _open(self) -> Phone:
        """The app starts on its folder; its clock is off by some days, by others each time."""
        off = timedelta(days=self._dice.uniform(-9, 9))
        http = httpx.Client(
            base_url=f"http://127.0.0.1:{self._proxy.ports[self.number]}", transport=self._transport, timeout=TIMEOUT
        )  # fmt: skip
        return Phone(
            self._folder, http, f"phone {self.number}", clock=Clock(lambda: datetime.now(UTC) + off),
            dice=self._dice, longest_wait=LONGEST_WAIT, listener=self._note,
        )  # fmt: skip

    def _note(self, told: Acknowledged) -> None:
        self.journal.told.add((told.what, str(told.id), told.sha256))

    def run(self) -> None:
        """Visits in rounds: on site without a network, back with one."""
        try:
            while len(self.journal.sealed) < self._inspections and not self.ending.is_set():
                self._proxy.set_offline(self.number, True)
                for _ in range(self._dice.randint(1, 3)):
                    if len(self.journal.sealed) < self._inspections:
                        self._inspect()
                self._alive(self._phone.synchronize)  # in vain
                self._proxy.set_offline(self.number, False)
                self._deliver()
        except Exception as failure:  # noqa: BLE001  told at the end of the run
            self.failure = failure
        finally:
            self._transport.rate = 0
            self._phone.close()

    def _inspect(self) -> None:
        visit_id, has_findings = str(uuid4()), self._dice.random() < 0.3
        files = [self._photograph() for _ in range(self._dice.randint(*self._photos))]
        package = self._phone.seal(self._document(visit_id, has_findings), files)
        self._write_down(package, files, visit_id, has_findings)

    def _photograph(self) -> File:
        """Mostly bytes of a photograph's size that nobody can decode, some larger ones, and a real one now and then."""
        kind = self._dice.random()
        if kind < 0.05:
            caption = f"{self.number} {len(self.journal.sealed)}"
            return self._phone.capture(make_photo(caption, datetime.now(SHANGHAI), 30.0, 120.0, (320, 240)))
        size = self._dice.randint(20_000, 300_000) if kind < 0.9 else self._dice.randint(600_000, 2_500_000)
        return self._phone.capture(b"\xff\xd8\xff\xe0" + self._dice.randbytes(size), question=None)

    def _document(self, visit_id: str, has_findings: bool) -> dict[str, Any]:
        now = self._phone.clock.wall().astimezone(SHANGHAI)
        city = self._city
        return {
            "kind": "inspection",
            "visit_id": visit_id,
            "authority_id": city.authority_id,
            "enterprise_id": city.enterprise_id,
            "site_id": city.site_id,
            "officers": [self._user_id, city.officer.id],
            "legal_date": now.date().isoformat(),
            "template": city.template,
            "times": {"started_at": (now - timedelta(minutes=20)).isoformat(), "sealed_at": now.isoformat()},
            "answers": city.answers[has_findings],
            "party": {"outcome": "signed", "name": "李工", "text_hash": SHOWN_TEXT},
        }

    def _write_down(self, package: Item, files: list[File], visit_id: str, has_findings: bool) -> None:
        declared = {str(file.id): (file.sha256, file.size) for file in files}
        self.journal.sealed.append(
            Sealed(str(package.id), package.sha256, len(package.sealed), visit_id, has_findings, declared)
        )

    def _deliver(self) -> None:
        """Until nothing is left: as an app does that is told when the network comes and waits when it must."""
        began = time.monotonic()
        self._alive(self._phone.hurry)
        while not self.given_up.is_set():
            report = self._alive(self._phone.synchronize)
            if report is not None:
                assert not report.is_stopped, report.trouble
                if not report.unfinished:
                    self.journal.reconnects.append(time.monotonic() - began)
                    return
                self.given_up.wait(min(report.wait_seconds or 0.05, 2 * LONGEST_WAIT))

    def _alive(self, work: Callable[[], Any]) -> Any:
        """Do it; if the app dies over it, it is started again, and gives nothing."""
        try:
            return work()
        except Died:
            self.journal.deaths += 1
            self._phone.close()
            self._phone = self._open()
            return None
