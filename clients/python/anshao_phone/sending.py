"""One pass over the outbox: packages first, then their files, then receipts; deleted is only what a checked receipt covers."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from anshao_phone.answers import Answer, NoNetwork, Step
from anshao_phone.asking import Asking, QueueWaits, Stopped
from anshao_phone.clock import Clock
from anshao_phone.device import Device
from anshao_phone.outbox import File, Item, Outbox
from anshao_phone.pace import Pace
from anshao_phone.protocol import SealedPackage
from anshao_phone.receipts import (
    KeysRefused,
    Receipt,
    ReceiptRefused,
    UnknownKey,
    check_link,
    check_receipt,
    extend_pinned,
    published_receipt_keys,
)
from anshao_phone.uploads import LostOnPhone, send_file

CHECKED_AT_ONCE = 500
KEPT_ASIDE = "package_quarantined"
"""The service keeps such a package for a person: its files belong there as well."""
REJECTED = "package_rejected"
"""A person has looked at it and rejected it: there will be no receipt, and the officer is told why."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Something the service has made durable: `what` is package, file or receipt; its id and hash."""

    what: str
    id: UUID
    sha256: str


@dataclass(slots=True)
class Report:
    """What a pass did. `wait_seconds`: when another one is worth while (None: nothing is left to do by itself)."""

    released: list[Receipt] = field(default_factory=list)
    unfinished: int = 0
    aside: int = 0
    rejected: list[Item] = field(default_factory=list)
    """Packages that a person at the service has rejected, each with the reason in its problem: for the officer to read."""
    wait_seconds: float | None = None
    trouble: str | None = None
    """Why the pass ended early: no network, or the code of the service's refusal."""
    is_stopped: bool = False
    """Nothing goes on until a person has acted."""


@dataclass(frozen=True, slots=True)
class _Gap:
    """The first receipt of the chain that cannot be followed: the one before it, of this number and hash, is not held."""

    number: int
    sha256: str


class Sender:
    """Works on one outbox. What waits, and how long, is forgotten with the process; what is done is not."""

    def __init__(
        self,
        asking: Asking,
        device: Device,
        outbox: Outbox,
        clock: Clock,
        dice: random.Random,
        longest_wait: float,
        listener: Callable[[Acknowledged], None],
        whose_receipt: Callable[[str], UUID | None],
    ) -> None:
        """`whose_receipt`: the user's package that has the receipt of this hash, as the service knows; raises what `ask` raises."""
        self._asking = asking
        self._device = device
        self._outbox = outbox
        self._clock = clock
        self._dice = dice
        self._longest_wait = longest_wait
        self._tell = listener
        self._whose_receipt = whose_receipt
        self._queue = self._new_pace()
        self._chain = self._new_pace()
        self._paces: dict[UUID, Pace] = {}
        self._broke_off: Counter[UUID] = Counter()
        self._came_along: dict[UUID, bytes] = {}

    def one_pass(self) -> Report:
        """Try everything whose time has come, once. Never raises for the network's or the service's sake."""
        report = Report()
        if self._clock.steady() >= self._queue.not_before:
            try:
                for item in self._due():
                    self._attempt(item)
                    self._settle(report)
                self._close_gaps(report)
            except NoNetwork as gone:
                report.trouble = f"no network: {gone}"
                self._queue.failed(self._clock.steady(), gone.seconds)
            except QueueWaits as told:
                report.trouble = str(told)
                self._queue.failed(self._clock.steady(), told.seconds)
            except Stopped as told:
                report.trouble, report.is_stopped = str(told), True
        self._sum_up(report)
        return report

    def _due(self) -> list[Item]:
        """What may be tried now: what is sound, then what is aside, and last what has ended passes, the seldomest first."""
        now = self._clock.steady()
        due = [
            item
            for item in self._outbox.items("waiting", "sent", "aside")
            if now >= self._pace(item.id).not_before
        ]
        broke_off = self._broke_off
        return sorted(due, key=lambda item: (item.id in broke_off, item.state == "aside", broke_off[item.id]))

    def _attempt(self, item: Item) -> None:
        """One package as far as it goes. If it ends the pass (a proxy may not like its bytes), it is the last of the next one."""
        try:
            self._advance(item)
        except (NoNetwork, QueueWaits) as gone:
            self._broke_off[item.id] += 1
            self._pace(item.id).failed(self._clock.steady(), gone.seconds)
            raise
        self._broke_off.pop(item.id, None)

    def hurry(self) -> None:
        """The network is said to be back, or a person asks: nothing waits any longer."""
        self._queue.succeeded()
        self._chain.succeeded()
        self._paces.clear()

    def hurry_one(self, package_id: UUID) -> None:
        """A person has acted on this package: it waits no longer."""
        self._paces.pop(package_id, None)
        self._broke_off.pop(package_id, None)

    def _new_pace(self) -> Pace:
        return Pace(self._dice, longest=self._longest_wait)

    def _pace(self, identifier: UUID) -> Pace:
        return self._paces.setdefault(identifier, self._new_pace())

    def _sum_up(self, report: Report) -> None:
        aside = self._outbox.items("aside")
        report.unfinished = self._outbox.count_unfinished()
        report.aside = len(aside)
        report.rejected = [item for item in aside if _code_of(item) == REJECTED]
        waiting = [
            *self._outbox.items("waiting", "sent"),
            *(item for item in aside if self._has_to_send(item)),
        ]
        times = [self._pace(item.id).not_before for item in waiting]
        if self._outbox.items("receipted"):
            times.append(self._chain.not_before)
        if times and not report.is_stopped:
            report.wait_seconds = max(0.0, max(self._queue.not_before, min(times)) - self._clock.steady())

    def _has_to_send(self, aside: Item) -> bool:
        """Files of a package that the service keeps for a person still wait here."""
        return _code_of(aside) == KEPT_ASIDE and any(
            file.state == "waiting" for file in self._outbox.files(aside.id)
        )

    # One package.

    def _advance(self, item: Item) -> None:
        """As far as it goes now."""
        if item.state == "waiting":
            item = self._send_package(item)
        is_kept_aside = item.state == "aside" and _code_of(item) == KEPT_ASIDE
        if (item.state == "sent" or is_kept_aside) and self._send_files(item):
            if is_kept_aside:
                self._look_whether_released(item)
            else:
                self._fetch_receipt(item)

    def _send_package(self, item: Item) -> Item:
        package = SealedPackage(item.id, item.sealed)
        answer = self._asking.ask(lambda: self._device.put_package(package, item.signature))
        if answer.step is Step.DONE:
            told = answer.document
            if not isinstance(told, dict) or (told.get("id"), told.get("hash")) != (
                str(item.id),
                item.sha256,
            ):
                raise NoNetwork("an acknowledgment of something else is none")
            self._tell(Acknowledged("package", item.id, item.sha256))
            self._outbox.mark_package(item.id, "sent")
            self._note_missing(item.id, told)
        self._note_outcome(item.id, answer)
        return self._outbox.item(item.id)

    def _note_missing(self, package_id: UUID, told: dict[str, object]) -> None:
        """A processed package names the files it misses: the others are there, and what is missing is sent (again)."""
        missing = told.get("missing_evidence")
        if told.get("status") != "processed" or not isinstance(missing, list):
            return
        for file in self._outbox.files(package_id):
            if file.state == "waiting" and str(file.id) not in missing:
                self._file_is_there(file)
            elif file.state == "sent" and str(file.id) in missing:
                self._outbox.mark_file(file.id, "waiting")

    def _note_outcome(self, identifier: UUID, answer: Answer) -> None:
        """How long it waits, or that it waits for a person."""
        self._queue.succeeded()
        match answer.step:
            case Step.DONE:
                self._pace(identifier).succeeded()
            case Step.ASIDE:
                self._outbox.mark_package(identifier, "aside", answer.document)
            case _:
                self._pace(identifier).failed(self._clock.steady(), answer.seconds)

    # Its files.

    def _send_files(self, item: Item) -> bool:
        """Send what has not arrived, least tried first; True when every file has, or is withdrawn.

        Where one has to wait, the others would have to as well.
        """
        self._ask_about([file for file in self._waiting_files(item) if file.tries])
        for file in self._waiting_files(item):
            if not self._send_file(file):
                return False
        return all(file.state in ("sent", "withdrawn") for file in self._outbox.files(item.id))

    def _waiting_files(self, item: Item) -> list[File]:
        waiting = [file for file in self._outbox.files(item.id) if file.state == "waiting"]
        return sorted(waiting, key=lambda file: file.tries)

    def _ask_about(self, in_doubt: list[File]) -> None:
        """A file whose sending was cut off may have arrived: ask before sending it again."""
        known = {file.id: file for file in in_doubt}
        for start in range(0, len(in_doubt), CHECKED_AT_ONCE):
            ids = [file.id for file in in_doubt[start : start + CHECKED_AT_ONCE]]
            answer = self._asking.ask(lambda ids=ids: self._device.check_files(ids))  # type: ignore[misc]
            if answer.step is Step.DONE:
                for identifier in _there(answer):
                    if identifier in known:
                        self._end_upload(known[identifier])
                        self._file_is_there(known[identifier])
                self._queue.succeeded()

    def _end_upload(self, file: File) -> None:
        """The last piece arrived and the service died before it could note that: what it keeps of the pieces may go."""
        if file.upload is not None:
            address = file.upload
            self._asking.ask(lambda: self._device.delete_upload(address))

    def _file_is_there(self, file: File) -> None:
        """Progress of its package, too: what fails next waits as after a first failure."""
        assert file.package_id is not None
        self._tell(Acknowledged("file", file.id, file.sha256))
        self._outbox.mark_file(file.id, "sent")
        self._pace(file.package_id).succeeded()

    def _send_file(self, file: File) -> bool:
        """False when it has to wait, or nothing more of its package is taken."""
        assert file.package_id is not None
        try:
            answer = send_file(self._asking.ask, self._device, self._outbox, file)
        except LostOnPhone:
            self._set_aside(file, {"code": "lost_on_phone"})
            return True
        self._queue.succeeded()
        match answer.step:
            case Step.DONE:
                self._file_is_there(file)
                if isinstance(answer.document, dict) and answer.document.get("signed_receipt"):
                    self._came_along[file.package_id] = str(answer.document["signed_receipt"]).encode()
            case Step.ASIDE if answer.code == REJECTED:
                self._look_whether_released(self._outbox.item(file.package_id))  # which tells why
                return False
            case Step.ASIDE:
                self._set_aside(file, answer.document)
            case _:
                self._pace(file.package_id).failed(self._clock.steady(), answer.seconds)
                return False
        return True

    def _set_aside(self, file: File, problem: dict[str, object]) -> None:
        """A file a person must look at holds up its package, and nothing else."""
        assert file.package_id is not None
        self._outbox.mark_file(file.id, "aside", problem)
        self._outbox.mark_package(file.package_id, "aside", problem | {"file": str(file.id)})

    # Its receipt.

    def _fetch_receipt(self, item: Item) -> None:
        """The one that came along with the answer to the last file, or else it is asked for."""
        if came := self._came_along.pop(item.id, None):
            self._take_receipt(item, came)
            return
        answer = self._asking.ask(lambda: self._device.get_receipt(item.id))
        if answer.step is Step.DONE:
            self._take_receipt(item, _receipt_in(answer))
        elif answer.code == "receipt_pending":
            self._look_why(item)
        self._note_outcome(item.id, answer)

    def _look_whether_released(self, item: Item) -> None:
        """A person may have taken up what the service keeps: then there is a receipt. Or rejected it: the officer reads why.

        Else it stays aside, as it is.
        """
        answer = self._asking.ask(lambda: self._device.get_receipt(item.id))
        self._queue.succeeded()
        if answer.step is Step.DONE:
            self._take_receipt(item, _receipt_in(answer))
        elif answer.code == REJECTED:
            self._outbox.mark_package(item.id, "aside", answer.document)
        else:
            self._pace(item.id).failed(self._clock.steady(), answer.seconds)

    def _look_why(self, item: Item) -> None:
        """The service misses something that the phone took for sent, or has not processed the package yet."""
        answer = self._asking.ask(lambda: self._device.request("GET", f"/packages/{item.id}"))
        if answer.step is Step.DONE and isinstance(answer.document, dict):
            if answer.document.get("status") == "received":
                self._outbox.mark_package(item.id, "waiting")  # the same bytes again take its processing up
            self._note_missing(item.id, answer.document)

    def _take_receipt(self, item: Item, body: bytes) -> None:
        assert self._device.device_id is not None
        expected = self._outbox.expected(item.id, self._device.device_id)
        try:
            try:
                receipt = check_receipt(body, expected, self._outbox.pinned_keys())
            except UnknownKey:
                self.pin_keys()
                receipt = check_receipt(body, expected, self._outbox.pinned_keys())
        except (ReceiptRefused, KeysRefused) as why:
            self._outbox.mark_package(item.id, "aside", {"code": "receipt_refused", "reason": str(why)})
            return
        if self._outbox.keep_receipt(receipt):
            self._tell(Acknowledged("receipt", item.id, receipt.sha256))
        else:
            self._outbox.mark_package(item.id, "aside", {"code": "receipt_chain_broken"})

    def pin_keys(self) -> None:
        """Read the published keys and pin what is new; raises KeysRefused when a pinned one is gone, NoNetwork."""
        answer = self._asking.once(lambda: self._device.http.get("/public/v1/keys"))
        if answer.step is not Step.DONE or "keys" not in _members(answer.document):
            raise NoNetwork("the published keys cannot be had now", answer.seconds)
        published = published_receipt_keys(answer.document)
        self._outbox.pin_keys(extend_pinned(self._outbox.pinned_keys(), published))

    # The chain.

    def _settle(self, report: Report) -> _Gap | None:
        """Follow the chain of receipts as far as it goes, and let go what it covers; gives the gap it ends at."""
        for number, previous, package_id in self._outbox.unsettled():
            before = self._outbox.link_before(number)
            if before is None:
                return _Gap(number - 1, str(previous))
            sha256, is_whole = before
            if previous != sha256:
                self._outbox.mark_package(package_id, "aside", {"code": "receipt_chain_broken"})
            elif is_whole:
                self._outbox.release(package_id)
                report.released.append(self._outbox.kept_receipt(package_id))
        return None

    def _close_gaps(self, report: Report) -> None:
        """A receipt between may be of a package that a person has taken up meanwhile, or that was sealed before the phone lost its
        memory: the service says whose it is, and it is fetched."""
        while (gap := self._settle(report)) and self._clock.steady() >= self._chain.not_before:
            self._chain.failed(self._clock.steady())
            package_id = self._whose_receipt(gap.sha256)
            if package_id is None or not self._fetch_link(gap, package_id):
                return
            self._chain.succeeded()

    def _fetch_link(self, gap: _Gap, package_id: UUID) -> bool:
        """True when the gap's receipt is held now."""
        item = self._outbox.find(package_id)
        if item is not None and item.state != "aside":
            return False  # it is asked for in its turn
        answer = self._asking.ask(lambda: self._device.get_receipt(package_id))
        if answer.step is not Step.DONE:
            return False
        body = _receipt_in(answer)
        if item is not None:
            self._take_receipt(item, body)
            return self._outbox.receipt(package_id) is not None
        assert self._device.device_id is not None
        try:
            pinned = self._outbox.pinned_keys()
            self._outbox.keep_link(check_link(body, gap.number, gap.sha256, self._device.device_id, pinned))
        except UnknownKey:
            self.pin_keys()
            return False
        except ReceiptRefused:
            return False
        return True


def _code_of(item: Item) -> str | None:
    """The code of what set it aside."""
    return (item.problem or {}).get("code")


def _receipt_in(answer: Answer) -> bytes:
    """A receipt's bytes, still to be checked; raises NoNetwork when the answer looks like none at all."""
    if not {"receipt", "signature"} <= _members(answer.document):
        raise NoNetwork("what looks like no receipt at all is not the service's")
    return answer.body


def _members(document: object) -> set[str]:
    """The names of a JSON object's members; none of anything else."""
    return set(document) if isinstance(document, dict) else set()


def _there(answer: Answer) -> list[UUID]:
    """The files that the service says it has; raises NoNetwork when it is not the service that speaks."""
    try:
        return [UUID(row["id"]) for row in answer.document if row["status"] in ("stored", "verified")]
    except (TypeError, KeyError, ValueError) as error:
        raise NoNetwork("a list of files that is none is not the service's") from error
