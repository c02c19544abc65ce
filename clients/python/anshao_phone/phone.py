"""The phone: enrol, capture, seal, synchronize. Everything it was given is in its folder until a receipt covers it."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import httpx

from anshao_phone.answers import Answer, NoNetwork, Step
from anshao_phone.asking import Asking
from anshao_phone.clock import Clock
from anshao_phone.device import Device
from anshao_phone.holdings import Holdings, PullRefused, pull
from anshao_phone.keys import DeviceKey, SoftwareKey
from anshao_phone.numbers import reserve
from anshao_phone.outbox import File, Item, Outbox
from anshao_phone.pace import LONGEST_SECONDS
from anshao_phone.protocol import package_message, seal_document
from anshao_phone.sending import Acknowledged, Report, Sender


class StillHere(Exception):
    """The file that was to be stated lost is on the phone, intact."""


class Phone:
    """One officer's phone on one folder; opening the folder again goes on where the last process was broken off.

    `http` has the service's address as its base URL, and time-outs. `key`: the secure hardware's; without one, a file in
    the folder. `listener` is told of everything the service has made durable.
    """

    def __init__(
        self,
        folder: Path,
        http: httpx.Client,
        name: str,
        *,
        key: DeviceKey | None = None,
        clock: Clock | None = None,
        dice: random.Random | None = None,
        longest_wait: float = LONGEST_SECONDS,
        listener: Callable[[Acknowledged], None] = lambda _: None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.listener = listener
        self.outbox = Outbox(folder)
        self.holdings = Holdings(folder / "holdings.db")
        self.clock = clock or Clock()
        self.device = Device(http, name, key or SoftwareKey.kept_in(folder / "key.pem"))
        self._asking = Asking(self.device, self.outbox, self.clock)
        if self.device.user_id is not None:
            self.holdings.belong_to(self.device.user_id)
        self._sender = Sender(
            self._asking, self.device, self.outbox, self.clock, dice or random.SystemRandom(), longest_wait,
            lambda told: self.listener(told), self._whose_receipt,
        )  # fmt: skip

    def __enter__(self) -> Self:
        """The phone itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the outbox and the holdings."""
        self.outbox.close()
        self.holdings.close()

    @property
    def http(self) -> httpx.Client:
        """How the service is reached; may be replaced when the network changes."""
        return self.device.http

    @http.setter
    def http(self, client: httpx.Client) -> None:
        self.device.http = client

    def enroll(self, code: str) -> str:
        """Bind the phone to the code's user and pin the keys that sign receipts; returns the fingerprint to compare.

        Raises NoNetwork; Stopped with the refusal's code. When the answer is lost, or the session has ended, the same again with
        a new code: the key tells the service that it is the same phone, and what waits goes on.
        """
        self._asking.enroll(code)
        assert self.device.user_id is not None
        self.holdings.belong_to(self.device.user_id)
        self._sender.pin_keys()
        return self.device.fingerprint()

    def capture(
        self,
        content: bytes | Path,
        *,
        question: str | None = None,
        media_type: str = "image/jpeg",
        source: str = "camera",
    ) -> File:
        """Take a photograph or another file in; durable when this returns."""
        return self.outbox.capture(content, media_type, question, source, self.clock.wall())

    def seal(self, document: dict[str, Any], files: Sequence[File]) -> Item:
        """Make the package's bytes, once, sign them and put them into the outbox; durable when this returns."""
        manifest = [file.declaration() for file in files]
        package = seal_document(self.device.device_id, self.device.user_id, document, manifest)
        self.outbox.add(package, self.device.sign(package_message(package.hash)), files)
        return self.outbox.item(package.id)

    def synchronize(self) -> Report:
        """Send what can be sent, fetch and check receipts, let go what they cover. Whatever the network does, it returns."""
        return self._sender.one_pass()

    def hurry(self) -> None:
        """The network is back, or the officer asks for it: what waits is tried at the next pass."""
        self._sender.hurry()

    def pull(self, collection: str) -> int:
        """Take what has changed of a collection (assignments, sites, …) into the holdings; gives how many documents came.

        Raises PullRefused, NoNetwork, QueueWaits, Stopped; what had come is kept.
        """
        return pull(self._asking.ask, self.device, self.holdings, collection)

    def _whose_receipt(self, sha256: str) -> UUID | None:
        """The package that earned the receipt of this hash, among all the user's that the service has."""
        try:
            self.pull("packages")
        except PullRefused:
            return None
        known = self.holdings.documents("packages")
        found = (document["id"] for document in known if document.get("receipt_hash") == sha256)
        return next(map(UUID, found), None)

    def receipt(self, package_id: UUID) -> dict[str, Any] | None:
        """The receipt held, read."""
        return self.outbox.kept_receipt(package_id).document if self.outbox.receipt(package_id) else None

    def put_back(self, package_id: UUID) -> None:
        """A person has settled what set the package aside: it and its files are sent again."""
        for file in self.outbox.files(package_id):
            if file.state == "aside":
                self.outbox.mark_file(file.id, "waiting")
        self.outbox.mark_package(package_id, "waiting")
        self._sender.hurry_one(package_id)

    def withdraw(self, file: File, reason: str, *, although_intact: bool = False) -> Answer:
        """State, signed, that a declared file is lost, so that the rest of its package earns a receipt.

        Raises StillHere while the file is on the phone as it was declared, unless told `although_intact` (its bytes then
        stay on the phone); and as `ask`.
        """
        assert file.package_id is not None
        if not although_intact and self.outbox.is_intact(file):
            raise StillHere(str(file.id))
        package_id, at = file.package_id, self.clock.server_time()
        answer = self._asking.ask(
            lambda: self.device.withdraw_file(package_id, file.id, file.sha256, reason, at)
        )
        if answer.step is Step.DONE:
            if not isinstance(answer.document, dict) or answer.document.get("id") != str(file.id):
                raise NoNetwork("an acknowledgment of something else is none")
            self.outbox.mark_file(file.id, "withdrawn")
            left = next((one for one in self.outbox.files(package_id) if one.state == "aside"), None)
            if left is None:
                self.outbox.mark_package(package_id, "sent")
            else:
                self.outbox.mark_package(package_id, "aside", (left.problem or {}) | {"file": str(left.id)})
            self._sender.hurry_one(package_id)
        return answer

    def reserve_numbers(self, word: str, count: int) -> dict[str, Any]:
        """A new block of numbers for documents that are printed on site; kept when this returns.

        Raises NumbersRefused, NoNetwork, QueueWaits, Stopped; the same again, however much later, makes no second block.
        """
        return reserve(self._asking.ask, self.device, self.outbox, self.clock, word, count)

    def state_outbox(self) -> bool:
        """Tell the service what still waits here, so that a supervisor sees it; True when it was taken. Raises as `ask`."""
        statement = self.outbox.statement(self.clock.wall())
        return self._asking.ask(lambda: self.device.state_outbox(statement)).step is Step.DONE

    def sign_package(self, package_id: UUID, package_hash: str, text_hash: str) -> httpx.Response:
        """Sign a package, own or a colleague's, as an officer."""
        return self.device.sign_package(package_id, package_hash, text_hash)

    def refresh(self) -> None:
        """Renew the tokens now; raises NoNetwork, QueueWaits, Stopped."""
        self._asking.renew()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Read something of the mobile API as this phone; the answer as it came."""
        return self.device.request(method, path, **options)
