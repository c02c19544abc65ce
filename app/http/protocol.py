"""HTTP/1.1 under uvicorn: bounds on what is held before the application sees a request, problem+json for what is no HTTP."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.core.errors import Problem
from app.http.middleware import MAX_HEADER_BYTES
from app.http.problems import (
    AddressTooLongProblem,
    HeadersTooLargeProblem,
    UnreadableProblem,
    problem_response,
)

MAX_ADDRESS_BYTES = 16 * 1024
READ_BYTES = 32 * 1024
"""What is read of a connection at once, and all that is held of it before the application takes it. The rest stays in the system's
buffers and with the sender: at 256 KiB a read, hundreds of slow uploads would fill our memory."""
_READ = memoryview(
    bytearray(READ_BYTES)
)  # one for all connections: what was read is copied out before the next read


class _Protocol(HttpToolsProtocol):
    """Refuses an endless address (414) or endless headers (431) while they arrive, answers what cannot be parsed (400), and reads
    a body no faster than the application takes it."""

    refusal: Problem | None = None
    _header_bytes = 0

    def on_message_begin(self) -> None:
        """A new request begins."""
        super().on_message_begin()
        self._header_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A part of the address; raising makes the parser give up."""
        super().on_url(url)
        if len(self.url) > MAX_ADDRESS_BYTES:
            self._give_up(AddressTooLongProblem(limit=MAX_ADDRESS_BYTES))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; raising makes the parser give up."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEADER_BYTES:
            self._give_up(HeadersTooLargeProblem(limit=MAX_HEADER_BYTES))
        super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """A part of the body; no more is read until the application has taken it."""
        super().on_body(body)
        if not self.cycle.response_complete and len(self.cycle.body) >= READ_BYTES:
            self.flow.pause_reading()

    def shutdown(self) -> None:
        """The server stops: a stream that would go on for ever ends as if its reader had gone; other answers are finished."""
        if self.cycle is not None and self.cycle.scope.get("state", {}).get("is_endless"):
            self.transport.close()
        else:
            super().shutdown()

    def _give_up(self, problem: Problem) -> None:
        self.refusal = problem
        raise ValueError(problem.code)

    def send_400_response(self, msg: str) -> None:
        """Answer a request that will not reach the application, and close the connection."""
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.close()  # in the middle of an answer: cut, rather than write into it
            return
        response = problem_response(self.refusal or UnreadableProblem(), "zh")
        lines = [STATUS_LINE[response.status_code]]
        lines += [name + b": " + value + b"\r\n" for name, value in response.raw_headers]
        lines += [b"cache-control: no-store\r\nconnection: close\r\n\r\n", bytes(response.body)]
        self.transport.write(b"".join(lines))
        self.transport.close()


class BoundedProtocol(asyncio.BufferedProtocol):
    """What uvicorn makes for each connection: the protocol above, given what has come in small reads."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._protocol = _Protocol(*args, **options)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A phone, or the proxy before us, has connected."""
        self._protocol.connection_made(transport)  # type: ignore[arg-type]  # of TCP, as uvicorn expects

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._protocol.connection_lost(exc)

    def eof_received(self) -> None:
        """It will send no more."""
        self._protocol.eof_received()

    def pause_writing(self) -> None:
        """It takes the answer more slowly than we give it."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._protocol.resume_writing()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the event loop may read to."""
        return _READ

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes have come."""
        self._protocol.data_received(bytes(_READ[:nbytes]))
