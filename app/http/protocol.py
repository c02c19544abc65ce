"""HTTP/1.1 under uvicorn: bounds on what is held before the application sees a request, problem+json for what is no HTTP."""

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


class BoundedProtocol(HttpToolsProtocol):
    """Refuses an endless address (414) or endless headers (431) while they arrive, and answers what cannot be parsed (400)."""

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
