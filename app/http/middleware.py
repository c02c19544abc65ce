"""Pure ASGI middleware: request id, header and body limits (a body's time, too), JSON access log without personal data, metrics."""

import asyncio
import re
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fastapi import Request
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog import get_logger

from app.core.errors import Problem
from app.core.ids import new_id
from app.http.bodies import SILENCE_SECONDS
from app.http.problems import (
    HeadersTooLargeProblem,
    TooLargeProblem,
    UnreadableProblem,
    language_of,
    problem_of,
    problem_response,
)
from app.services.audit.service import request_id

log = get_logger()

REQUESTS = Counter(
    "anshao_requests_total", "Requests by route, method and status", ("route", "method", "status")
)
DURATION = Histogram(
    "anshao_request_seconds",
    "Time to the last byte of the answer, by route",
    ("route", "method"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

MAX_HEADER_BYTES = 32 * 1024
BODY_SECONDS = 3600.0
"""A body may take an hour on its way, however often a byte of it comes."""
SLOWEST_BYTES = 16 * 1024
"""Per second: where larger bodies are taken, the time is that of so slow a line in addition."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class OverdueProblem(Problem):
    """The body was too long on its way, or nothing of it came for too long."""

    status = 408
    code = "body_overdue"
    retry = "now"
    zh = "请求内容长时间未传完，请重新发送"
    en = "The body did not arrive in time; send the request again"


class RequestShell:
    """The outermost layer of every request.

    A caller's X-Request-Id (8 to 64 letters, digits, dots, hyphens, underscores) is taken over; anything else gets a new one.
    `templates` gives the full address pattern of each endpoint function, `larger_bodies` the limits of addresses (by how they
    begin) whose bodies are never held whole.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_body_bytes: int,
        templates: Mapping[Any, str],
        larger_bodies: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._templates = templates
        self._larger_bodies = larger_bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identifier = _request_id_of(scope)
        token = request_id.set(identifier)
        limit = self._limit_of(scope["path"])
        exchange = _Exchange(receive, send, identifier, limit)
        started = time.perf_counter()
        try:
            await self._serve(scope, exchange, limit)
        finally:
            self._note(scope, exchange.status, time.perf_counter() - started)
            request_id.reset(token)

    def _limit_of(self, path: str) -> int:
        found = (limit for start, limit in self._larger_bodies.items() if path.startswith(start))
        return next(found, self._max_body_bytes)

    async def _serve(self, scope: Scope, exchange: "_Exchange", limit: int) -> None:
        refusal = _refuse_early(scope["headers"], limit)
        if refusal is None:
            try:
                await self._app(scope, exchange.receive, exchange.send)
            except Exception as error:
                if exchange.has_begun:
                    raise  # the server cuts the connection: the reader must not take half an answer for a whole one
                if exchange.refusal is None:
                    refusal = problem_of(error)
            if exchange.refusal is not None and not exchange.has_begun:
                refusal = exchange.refusal
        if refusal is not None:
            response = problem_response(refusal, language_of(Request(scope)))
            await response(scope, exchange.receive, exchange.send_refusal)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = self._templates.get(scope.get("endpoint"), "unmatched")
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        REQUESTS.labels(route, method, status).inc()
        DURATION.labels(route, method).observe(seconds)
        actor = scope.get("state", {}).get("actor")
        log.info(
            "request",
            route=route,
            method=method,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            actor=actor.label if actor else None,
        )


def _refuse_early(headers: list[tuple[bytes, bytes]], limit: int) -> Problem | None:
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        return HeadersTooLargeProblem(limit=MAX_HEADER_BYTES)
    for name, value in headers:
        if name == b"content-length":
            if not value.isdigit():
                return UnreadableProblem()
            if int(value) > limit:
                return TooLargeProblem(limit=limit)
    return None


class _Exchange:
    """The two ends of one request: counts what comes in, stamps what goes out."""

    def __init__(self, receive: Receive, send: Send, identifier: str, max_body_bytes: int) -> None:
        self._receive = receive
        self._send = send
        self._identifier = identifier.encode()
        self._limit = self._left = max_body_bytes
        self._loop = asyncio.get_running_loop()
        self._ends_at = self._loop.time() + BODY_SECONDS + max_body_bytes / SLOWEST_BYTES
        self._is_whole = False
        self.status = 500
        self.has_begun = False
        self.refusal: Problem | None = None

    async def receive(self) -> Message:
        """The next part of the body; past the limit, after a minute's silence or the body's whole time nothing more is read, and
        the application's own answer is dropped for the refusal."""
        if self.refusal is not None:
            return {"type": "http.disconnect"}
        if (
            self._is_whole
        ):  # nothing but the end of the connection comes now: whoever streams an answer waits for it
            return await self._receive()
        try:
            async with asyncio.timeout_at(min(self._loop.time() + SILENCE_SECONDS, self._ends_at)):
                message = await self._receive()
        except TimeoutError:
            return self._give_up(OverdueProblem(headers={"Connection": "close"}))
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            return self._give_up(TooLargeProblem(limit=self._limit, headers={"Connection": "close"}))
        self._is_whole = not message.get("more_body", False)
        return message

    def _give_up(self, refusal: Problem) -> Message:
        self.refusal = refusal
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on."""
        if self.refusal is not None and not self.has_begun:
            return
        await self.send_refusal(message)

    async def send_refusal(self, message: Message) -> None:
        """Pass a part of the answer on, whatever came in."""
        if message["type"] == "http.response.start":
            self.has_begun = True
            self.status = message["status"]
            message["headers"] = [
                *message.get("headers", []),
                (b"x-request-id", self._identifier),
                (b"x-content-type-options", b"nosniff"),
                (b"referrer-policy", b"no-referrer"),
            ]
            if not any(name == b"cache-control" for name, _ in message["headers"]):
                message["headers"].append((b"cache-control", b"no-store"))
        await self._send(message)


def _request_id_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            given: str = value.decode("ascii")
            return given
    return str(new_id())
