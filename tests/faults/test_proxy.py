"""The proxy does to a request what it says, and counts what it took."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import httpx
import pytest

from tests.faults import proxy as module
from tests.faults.proxy import CHUNK_BYTES, ENDS_UNANSWERED, Exchange, Fault, Ledger, Proxy

BODY = bytes(range(256)) * 100


class Echo(BaseHTTPRequestHandler):
    """Answers every PUT with what it got; keeps it."""

    got: ClassVar[list[bytes]]

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(content)
        self.send_response(201)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Silent."""


@pytest.fixture
def service() -> Iterator[ThreadingHTTPServer]:
    class Own(Echo):
        got: ClassVar[list[bytes]] = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  cut lines are what this is about
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def proxy(service: ThreadingHTTPServer) -> Iterator[Proxy]:
    made = Proxy(service.server_port, 1, 7, 0.0)
    made.start()
    yield made
    made.stop()


def put(proxy: Proxy, item: str = "a", content: bytes = BODY, **headers: str) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=3) as http:
        return http.put(f"http://127.0.0.1:{proxy.ports[0]}/{item}", content=content, headers=headers)


def always(monkeypatch: pytest.MonkeyPatch, proxy: Proxy, fault: Fault) -> None:
    monkeypatch.setattr(module, "WEIGHTS", {fault: 1})
    proxy.rate = 1.0


def test_what_nothing_befalls_passes_unchanged(proxy: Proxy, service: ThreadingHTTPServer) -> None:
    answer = put(proxy)
    assert (answer.status_code, answer.content) == (201, BODY)
    (exchange,) = proxy.ledger.exchanges
    assert (exchange.item, exchange.taken, exchange.status) == ("PUT /a", len(BODY), 201)
    assert (proxy.ledger.resent(), proxy.ledger.interrupted()) == (0, [])


@pytest.mark.parametrize("fault", [Fault.CUT_REQUEST, Fault.CUT_ANSWER, Fault.SILENCE])
def test_a_cut_line_gives_no_answer_and_what_was_sent_twice_is_counted(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    always(monkeypatch, proxy, fault)
    with pytest.raises(httpx.TransportError):
        put(proxy)
    first = proxy.ledger.exchanges[0]
    assert first.status is None
    proxy.rate = 0.0
    assert put(proxy).status_code == 201
    assert (proxy.ledger.resent(), proxy.ledger.payload()) == (first.taken, len(BODY))
    assert proxy.ledger.interrupted() == [first]
    assert proxy.ledger.overdrawn() == []


@pytest.mark.parametrize(
    ("fault", "status", "arrives"),
    [
        (Fault.PORTAL, 200, 0),
        (Fault.PORTAL_REDIRECT, 302, 0),
        (Fault.GATEWAY, 502, 0),
        (Fault.GATEWAY_AFTER, 502, 1),
    ],
)
def test_others_answer_in_the_services_stead(
    proxy: Proxy,
    service: ThreadingHTTPServer,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    status: int,
    arrives: int,
) -> None:
    always(monkeypatch, proxy, fault)
    answer = put(proxy, content=b"small")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert len(service.RequestHandlerClass.got) == arrives  # type: ignore[attr-defined]
    assert proxy.ledger.exchanges[0].status is None


def test_a_duplicate_arrives_twice_and_is_taken_once(
    proxy: Proxy, service: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    always(monkeypatch, proxy, Fault.DUPLICATE)
    assert put(proxy).content == BODY
    assert service.RequestHandlerClass.got == [BODY, BODY]  # type: ignore[attr-defined]
    assert proxy.ledger.resent() == 0


@pytest.mark.parametrize("fault", [Fault.DELAY, Fault.TRICKLE])
def test_slow_lines_change_nothing(proxy: Proxy, monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    always(monkeypatch, proxy, fault)
    assert put(proxy).content == BODY


def test_a_phone_without_a_network_reaches_nobody(proxy: Proxy) -> None:
    proxy.set_offline(0, True)
    with pytest.raises(httpx.TransportError):
        put(proxy)
    assert proxy.ledger.exchanges == []
    proxy.set_offline(0, False)
    assert put(proxy).status_code == 201


def test_the_same_seed_does_the_same_to_the_same_requests(service: ThreadingHTTPServer) -> None:
    def drawn(seed: int) -> list[Fault]:
        made = Proxy(service.server_port, 1, seed, 0.5)
        made.start()
        found = [made._begin(0, b"PUT /x HTTP/1.1\r\n\r\n")[0].fault for _ in range(60)]
        made.stop()
        return found

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert set(drawn(1)) & ENDS_UNANSWERED


def passed(*rows: tuple[str, int, int, int | None]) -> Ledger:
    """A ledger of requests (item, start, bytes taken, status), all by one phone."""
    ledger = Ledger(uploads={"/mobile/v1/uploads/u": "f", "/mobile/v1/uploads/v": "f"})
    for item, start, taken, status in rows:
        method, path = item.split(" ")
        ledger.exchanges.append(
            Exchange(0, f"{method} /mobile/v1{path}", start, taken, Fault.NONE, None, taken, status)
        )
    return ledger


def test_the_ledger_tells_what_was_sent_again_and_what_was_sent_in_vain() -> None:
    """The negative control of the two figures: pieces over one another are resent, a repeat after a success is in vain."""
    ledger = passed(
        ("PATCH /uploads/u", 0, 100, 204),
        ("PATCH /uploads/u", 100, 60, None),
        ("PATCH /uploads/u", 130, 100, 204),  # 30 of them once more
        ("PUT /packages/p", 0, 50, 503),
        ("PUT /packages/p", 0, 50, 201),
        ("PUT /packages/p", 0, 50, 200),
        ("GET /packages/p", 0, 0, 200),
    )
    assert (ledger.payload(), ledger.resent()) == (230 + 50, 30 + 100)
    assert (len(ledger.interrupted()), ledger.bound()) == (2, 60 + 50)
    assert ledger.overdrawn() == ["of /packages/p 100 bytes were resent, its interruptions cost 50"]
    assert ledger.sent_in_vain() == ["PUT /mobile/v1/packages/p"]
    died = ("PUT /mobile/v1/packages/p", 0)
    assert ledger.sent_in_vain([died, ("PUT /other", 0)]) == []
    assert (ledger.bound([died]), ledger.overdrawn([died])) == (60 + 50 + 50, [])


BEGUN = (
    ("PATCH /uploads/u", 0, CHUNK_BYTES, 204),
    ("PATCH /uploads/u", CHUNK_BYTES, 1000, None),
)


@pytest.mark.parametrize(
    "anew",
    [
        [("PATCH /uploads/v", 0, CHUNK_BYTES, 204), ("PATCH /uploads/v", CHUNK_BYTES, 2000, 204)],
        [("PUT /evidence/f", 0, CHUNK_BYTES + 2000, 201)],
    ],
)
def test_a_file_begun_anew_is_the_same_file(anew: list[tuple[str, int, int, int | None]]) -> None:
    """Under the address of another upload, or by PUT: what was acknowledged and came again is told, by two figures."""
    going_on = passed(*BEGUN, ("PATCH /uploads/u", CHUNK_BYTES + 400, 1600, 204))
    assert (going_on.resent(), going_on.overdrawn(), going_on.sent_in_vain()) == (600, [], [])
    ledger = passed(*BEGUN, *anew)
    assert ledger.payload() == CHUNK_BYTES + 2000
    assert ledger.resent() == CHUNK_BYTES + 1000
    assert ledger.overdrawn() == [
        f"of /evidence/f {CHUNK_BYTES + 1000} bytes were resent, its interruptions cost 1000"
    ]
    assert len(ledger.sent_in_vain()) == 1


def test_a_cut_costs_a_chunk_at_most() -> None:
    """Who sends a file whole has lost more than that to a cut."""
    ledger = passed(
        ("PUT /evidence/f", 0, 3 * CHUNK_BYTES, None), ("PUT /evidence/f", 0, 4 * CHUNK_BYTES, 201)
    )
    assert (ledger.resent(), ledger.bound(), len(ledger.overdrawn())) == (3 * CHUNK_BYTES, CHUNK_BYTES, 1)
