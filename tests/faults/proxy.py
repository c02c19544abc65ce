"""A TCP proxy between phones and service that does to the requests what bad networks do, and writes down what it took from whom.

One port for each phone. What befalls a phone's n-th request is decided by the seed, the phone and n alone.
"""

import asyncio
import base64
import random
import socket
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

API = "/mobile/v1"
CHUNK_BYTES = 512 * 1024
"""What a cut may cost: the phones promise to send no file in larger pieces (anshao_phone.uploads)."""
HEAD_BYTES = 64 * 1024
PIECE_BYTES = 16 * 1024
SERVER_SECONDS = 60
PAGE = "<html><title>上网认证</title><body>请先登录无线网络</body></html>".encode()


class Fault(StrEnum):
    """What befalls a request."""

    NONE = "none"
    CUT_REQUEST = "request cut"
    CUT_ANSWER = "answer cut"
    DELAY = "delayed"
    TRICKLE = "trickling"
    DUPLICATE = "sent twice at once"
    GATEWAY = "502, not forwarded"
    GATEWAY_AFTER = "502, though it arrived"
    PORTAL = "captive portal, 200"
    PORTAL_REDIRECT = "captive portal, 302"
    SILENCE = "no answer until the phone gives up"


WEIGHTS = {
    Fault.CUT_REQUEST: 6,
    Fault.CUT_ANSWER: 5,
    Fault.DELAY: 4,
    Fault.TRICKLE: 3,
    Fault.DUPLICATE: 5,
    Fault.GATEWAY: 3,
    Fault.GATEWAY_AFTER: 3,
    Fault.PORTAL: 3,
    Fault.PORTAL_REDIRECT: 1,
    Fault.SILENCE: 1,
}
ENDS_UNANSWERED = frozenset(WEIGHTS) - {Fault.DELAY, Fault.TRICKLE, Fault.DUPLICATE}


@dataclass(slots=True)
class Exchange:
    """One request as it passed: which item's bytes, from which position, how many were taken from the phone, how it ended."""

    phone: int
    item: str
    """Method and path."""
    start: int
    size: int
    fault: Fault
    begins: str | None = None
    """The id of the file whose upload it asks to begin."""
    taken: int = 0
    status: int | None = None
    """What the service answered and the phone was given whole; None when it got no whole answer of the service."""

    @property
    def is_acknowledged(self) -> bool:
        """The phone was told that these bytes are there."""
        return self.status is not None and self.status < 300


Request = tuple[str, int]
"""An exchange as its phone knows it: method and path, and the position of its first byte."""


@dataclass(slots=True)
class Ledger:
    """Everything that passed. Bytes are counted by what they are of: a file is the same one under whatever upload, or by PUT."""

    exchanges: list[Exchange] = field(default_factory=list)
    faults: dict[Fault, int] = field(default_factory=lambda: defaultdict(int))
    refused_connections: int = 0
    uploads: dict[str, str] = field(default_factory=dict)
    """The file's id by the path of each upload that the service has begun."""

    def bodies(self) -> list[Exchange]:
        """The exchanges that carried bytes of packages and files."""
        return [one for one in self.exchanges if one.item.startswith(("PUT ", "PATCH "))]

    def content_of(self, exchange: Exchange) -> str:
        """The package or file whose bytes it carried; an upload that nobody saw begun stands for itself."""
        path = exchange.item.partition(" ")[2]
        return f"/evidence/{self.uploads[path]}" if path in self.uploads else path.removeprefix(API)

    def payload(self) -> int:
        """Bytes of packages and files that the phones had to send, once each."""
        return sum(_covered(_spans(exchanges)) for exchanges in self._by_content().values())

    def resent(self) -> int:
        """Bytes of packages and files that were taken from the phones more than once."""
        return sum(one.taken for one in self.bodies()) - self.payload()

    def interrupted(self, unheard: Iterable[Request] = ()) -> list[Exchange]:
        """The exchanges that carried such bytes and ended without an acknowledgment, for whatever reason.

        `unheard`: acknowledgments that came to an app that died over them.
        """
        left, found = Counter(unheard), []
        for one in self.bodies():
            if one.is_acknowledged and left[one.item, one.start] > 0:
                left[one.item, one.start] -= 1
                found.append(one)
            elif not one.is_acknowledged:
                found.append(one)
        return found

    def bound(self, unheard: Iterable[Request] = ()) -> int:
        """The most bytes that may have been resent: of each interruption what was taken in it, and no more than a chunk."""
        return sum(map(_cost, self.interrupted(unheard)))

    def overdrawn(self, unheard: Iterable[Request] = ()) -> list[str]:
        """Packages and files of which more was resent than their own interruptions can have cost: there may be none."""
        may: Counter[str] = Counter()
        for one in self.interrupted(unheard):
            may[self.content_of(one)] += _cost(one)
        told = []
        for content, exchanges in self._by_content().items():
            resent = sum(one.taken for one in exchanges) - _covered(_spans(exchanges))
            if resent > may[content]:
                told.append(f"of {content} {resent} bytes were resent, its interruptions cost {may[content]}")
        return told

    def sent_in_vain(self, unheard: Iterable[Request] = ()) -> list[str]:
        """What was sent again although an exchange before had acknowledged it: there may be none.

        `unheard`: acknowledgments that came to an app that died over them, so that it had to send the item again.
        """
        acknowledged: set[tuple[str, int]] = set()
        again, excused = [], Counter(unheard)
        for one in self.bodies():
            piece = self.content_of(one), one.start
            if piece in acknowledged:
                again.append(one.item)
            if one.is_acknowledged:
                if excused[one.item, one.start] > 0:
                    excused[one.item, one.start] -= 1
                else:
                    acknowledged.add(piece)
        return again

    def learn(self, begins: str, answer: bytes) -> None:
        """The service's answer to who begins an upload: where it is, if it is."""
        headers = dict(_headers(answer))
        if answer.startswith(b"HTTP/1.1 201") and "location" in headers:
            self.uploads[API + headers["location"].partition(API)[2]] = begins

    def _by_content(self) -> dict[str, list[Exchange]]:
        found: dict[str, list[Exchange]] = defaultdict(list)
        for one in self.bodies():
            found[self.content_of(one)].append(one)
        return found


def _cost(interrupted: Exchange) -> int:
    """What an interruption may let be sent again."""
    return min(interrupted.taken, CHUNK_BYTES)


def _spans(exchanges: Iterable[Exchange]) -> list[tuple[int, int]]:
    return [(one.start, one.start + one.taken) for one in exchanges]


def _covered(spans: list[tuple[int, int]]) -> int:
    """How many positions the spans cover."""
    total, reached = 0, 0
    for start, end in sorted(spans):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


class Proxy:
    """Runs in a thread of its own from `start` to `stop`. `rate`: the share of requests that something befalls."""

    def __init__(self, target: int, phones: int, seed: int, rate: float) -> None:
        self.ledger = Ledger()
        self.rate = rate
        self._target = target
        self._seed = seed
        self._counts = [0] * phones
        self._offline = [False] * phones
        self._open: list[set[asyncio.StreamWriter]] = [set() for _ in range(phones)]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: list[asyncio.Server] = []
        self.ports: list[int] = []

    def start(self) -> None:
        """Listen, on a free port for each phone (`ports`)."""
        self._thread.start()
        for number in range(len(self._counts)):
            sock = socket.create_server(("127.0.0.1", 0))
            self.ports.append(sock.getsockname()[1])
            listening = asyncio.start_server(self._serving(number), sock=sock, limit=HEAD_BYTES)
            self._servers.append(asyncio.run_coroutine_threadsafe(listening, self._loop).result())

    def stop(self) -> None:
        """Carry nothing any more."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # transports that were aborted close in the next round

    def set_offline(self, phone: int, is_offline: bool) -> None:
        """Take a phone's network away, in the middle of whatever it does; or give it back."""
        self._offline[phone] = is_offline
        if is_offline:
            self._loop.call_soon_threadsafe(self._abort_all, phone)

    def _abort_all(self, phone: int) -> None:
        for writer in list(self._open[phone]):
            writer.transport.abort()

    def _serving(self, phone: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._offline[phone]:
                self.ledger.refused_connections += 1
                writer.transport.abort()
                return
            self._open[phone].add(writer)
            try:
                await self._carry(phone, reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
                pass  # somebody hung up
            finally:
                self._open[phone].discard(writer)
                writer.transport.abort()

        return serve

    async def _carry(self, phone: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request; the connection ends with it."""
        head = await reader.readuntil(b"\r\n\r\n")
        exchange, dice = self._begin(phone, head)
        carrying = _Carrying(reader, writer, exchange, dice, self._target, self.ledger)
        self.ledger.exchanges.append(exchange)
        self.ledger.faults[exchange.fault] += 1
        await carrying.run(_closing(head))

    def _begin(self, phone: int, head: bytes) -> tuple[Exchange, random.Random]:
        number = self._counts[phone]
        self._counts[phone] += 1
        dice = random.Random(f"{self._seed}/{phone}/{number}")
        fault = Fault.NONE
        if dice.random() < self.rate:
            fault = dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        method, path = head.split(b" ", 2)[:2]
        headers = dict(_headers(head))
        return Exchange(
            phone,
            f"{method.decode()} {path.decode()}",
            int(headers.get("upload-offset", "0")),
            int(headers.get("content-length", "0")),
            fault,
            _file_in(headers.get("upload-metadata", "")),
        ), dice


class _Carrying:
    """One exchange under way."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        exchange: Exchange,
        dice: random.Random,
        target: int,
        ledger: Ledger,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._exchange = exchange
        self._dice = dice
        self._target = target
        self._ledger = ledger

    async def run(self, head: bytes) -> None:
        """Let happen what is to happen."""
        match self._exchange.fault:
            case Fault.PORTAL:
                await self._answer(b"200 OK")
            case Fault.PORTAL_REDIRECT:
                await self._answer(b"302 Found\r\nLocation: http://portal.example/login")
            case Fault.GATEWAY:
                await self._read(self._dice.randrange(self._exchange.size + 1))
                await self._answer(b"502 Bad Gateway")
            case Fault.CUT_REQUEST:
                whole = len(head) + self._exchange.size
                await self._forward(head, stop_at=self._dice.randrange(whole))
            case Fault.DUPLICATE:
                await self._twice(head)
            case Fault.SILENCE:
                await self._forward(head)
                await self._reader.read()
            case Fault.DELAY:
                await asyncio.sleep(self._dice.uniform(0.05, 1.5))
                await self._give(await self._forward(head))
            case Fault.GATEWAY_AFTER:
                await self._forward(head)
                await self._answer(b"502 Bad Gateway")
            case _:
                await self._give(await self._forward(head))

    async def _forward(self, head: bytes, stop_at: int | None = None) -> bytes:
        """Carry the request, up to a byte of it if told; gives the whole answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            left = len(head) + self._exchange.size if stop_at is None else stop_at
            writer.write(head[:left])
            left -= len(head)
            is_trickling = self._exchange.fault is Fault.TRICKLE
            while left > 0:
                piece = await self._read(min(left, 700 if is_trickling else PIECE_BYTES), at_most=True)
                writer.write(piece)
                try:
                    await writer.drain()
                except ConnectionError:
                    break  # the service has answered, or died, without reading on
                left -= len(piece)
                if is_trickling and self._dice.random() < 0.1:
                    await asyncio.sleep(0.01)
            if stop_at is not None:
                await asyncio.sleep(
                    self._dice.uniform(0, 0.2)
                )  # what was sent may arrive before the line breaks
                return b""
            return await self._answer_of(reader)
        finally:
            writer.transport.abort()

    async def _twice(self, head: bytes) -> None:
        """The same request over two lines at once; the phone gets the answer of either."""
        body = await self._read(self._exchange.size)
        answers = await asyncio.gather(
            *(self._send_whole(head + body) for _ in range(2)), return_exceptions=True
        )
        whole = [one for one in answers if isinstance(one, bytes) and one]
        if whole:
            await self._give(self._dice.choice(whole))

    async def _send_whole(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            writer.write(request)
            await writer.drain()
            return await self._answer_of(reader)
        finally:
            writer.transport.abort()

    async def _answer_of(self, reader: asyncio.StreamReader) -> bytes:
        """What the service says, whole, whether the phone will hear it or not."""
        async with asyncio.timeout(SERVER_SECONDS):
            answer = await reader.read()
        if self._exchange.begins is not None:
            self._ledger.learn(self._exchange.begins, answer)
        return answer

    async def _read(self, size: int, *, at_most: bool = False) -> bytes:
        """Bytes of the body from the phone, counted as they are taken."""
        piece = await (self._reader.read(size) if at_most else self._reader.readexactly(size))
        if at_most and not piece:
            raise ConnectionResetError
        self._exchange.taken += len(piece)
        return piece

    async def _give(self, answer: bytes) -> None:
        """The service's answer to the phone, or a part of it."""
        if not answer:
            return
        if self._exchange.fault is Fault.CUT_ANSWER:
            self._writer.write(answer[: self._dice.randrange(len(answer))])
            with suppress(OSError):
                await self._writer.drain()
            return
        if is_whole(answer):
            self._exchange.status = int(answer.split(b" ", 2)[1])
        try:
            self._writer.write(answer)
            await self._writer.drain()
            self._writer.write_eof()
        except OSError:
            self._exchange.status = None
            raise
        await self._reader.read()  # until the phone has read it and hangs up

    async def _answer(self, status: bytes) -> None:
        """A page of somebody else's."""
        kind = b"\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n"
        length = b"Content-Length: %d\r\n\r\n" % len(PAGE)
        self._writer.write(b"HTTP/1.1 " + status + kind + length + PAGE)
        await self._writer.drain()
        self._writer.write_eof()
        with suppress(OSError):
            async with asyncio.timeout(5):
                while self._exchange.taken < self._exchange.size:
                    await self._read(PIECE_BYTES, at_most=True)  # what the phone still sends is lost
                await self._reader.read()


def is_whole(answer: bytes) -> bool:
    """True for an answer with all of its announced body."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    headers = dict(_headers(head + separator))
    return bool(separator) and len(body) >= int(headers.get("content-length", "0"))


def _file_in(metadata: str) -> str | None:
    """The file's id in tus's Upload-Metadata."""
    pairs = (pair.split() for pair in metadata.split(","))
    named = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    return base64.b64decode(named["evidence_id"]).decode() if "evidence_id" in named else None


def _headers(head: bytes) -> Iterator[tuple[str, str]]:
    for line in head.split(b"\r\n")[1:]:
        name, separator, value = line.partition(b":")
        if separator:
            yield name.decode("latin-1").lower(), value.strip().decode("latin-1")


def _closing(head: bytes) -> bytes:
    """The request's head, asking for one answer and the end of the connection."""
    lines = [line for line in head[:-4].split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])
