"""Pure ASGI middleware: request id, header and body limits, JSON access log without personal data, metrics."""

import time
from collections.abc import MutableMapping
from typing import Any

from fastapi import Request
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog import get_logger

from app.core.ids import new_id
from app.http.problems import TooLargeProblem, language_of, problem_response
from app.services.audit.service import request_id

log = get_logger()

REQUESTS = Counter(
    "anshao_requests_total", "Requests by route, method and status", ("route", "method", "status")
)
DURATION = Histogram("anshao_request_seconds", "Time to the last byte of the answer", ("route", "method"))

MAX_HEADER_BYTES = 32 * 1024


class RequestShell:
    """The outermost layer of every request."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identifier = str(new_id())
        token = request_id.set(identifier)
        started = time.perf_counter()
        outcome: MutableMapping[str, Any] = {"status": 500}

        async def send_stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                outcome["status"] = message["status"]
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-request-id", identifier.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"no-referrer"),
                ]
                if not any(name == b"cache-control" for name, _ in message["headers"]):
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        try:
            await self._serve_within_limits(scope, receive, send_stamped)
        finally:
            _note(scope, outcome["status"], time.perf_counter() - started)
            request_id.reset(token)

    async def _serve_within_limits(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope["headers"]
        if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
            await self._refuse(scope, receive, send, MAX_HEADER_BYTES)
            return
        declared = next((value for name, value in headers if name == b"content-length"), b"0")
        if not declared.isdigit() or int(declared) > self._max_body_bytes:
            await self._refuse(scope, receive, send, self._max_body_bytes)
            return
        received = 0

        async def receive_bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body_bytes:
                raise TooLargeProblem(limit=self._max_body_bytes)
            return message

        await self._app(scope, receive_bounded, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        response = problem_response(TooLargeProblem(limit=limit), language_of(Request(scope)))
        await response(scope, receive, send)


def _note(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", None) or "unmatched"
    REQUESTS.labels(route, scope["method"], status).inc()
    DURATION.labels(route, scope["method"]).observe(seconds)
    log.info(
        "request", route=route, method=scope["method"], status=status, milliseconds=round(seconds * 1000, 1)
    )
