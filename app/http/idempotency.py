"""Idempotency-Key on creating POSTs: the first answer is stored in the request's own transaction and replayed.

Declare `idempotency: Idempotency` on the route and use IdempotentRoute as the router's route class.
Answers that carry credentials never use this.
"""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import Problem
from app.http.sessions import CurrentActor, WriteSession, runtime_of
from app.models.history import IdempotentAnswer
from app.services.identity.keys import KeyRing


class KeyRequiredProblem(Problem):
    """A creating request must say which attempt it is."""

    status = 400
    code = "idempotency_key_required"
    retry = "manual"
    zh = "请携带 Idempotency-Key（1–200 个字符）"
    en = "Send an Idempotency-Key of 1 to 200 characters"


class KeyReusedProblem(Problem):
    """The key was used for another request."""

    status = 422
    code = "idempotency_key_reused"
    zh = "该 Idempotency-Key 已用于另一请求"
    en = "This Idempotency-Key was used for another request"


class InFlightProblem(Problem):
    """The same request is being served at this moment."""

    status = 409
    code = "request_in_flight"
    retry = "after"
    zh = "相同请求正在处理中"
    en = "The same request is being served right now"


class ReplayedAnswer(Exception):
    """Carries the stored answer past the route."""

    def __init__(self, response: Response) -> None:
        self.response = response


async def idempotency_key(request: Request, actor: CurrentActor, session: WriteSession) -> str:
    """The key of this attempt; raises the stored answer, or 400, 409, 422 as the key asks for."""
    key = await required_key(request)
    digest = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    digest.update(await request.body())
    keys = runtime_of(request).keys
    request.state.idempotent = await begin_once(session, keys, actor, key, digest.digest())
    return key


async def required_key(request: Request) -> str:
    """The Idempotency-Key; raises KeyRequiredProblem. A dependency of routes that go on with begin_once and store_answer."""
    key = request.headers.get("idempotency-key", "")
    if not 1 <= len(key) <= 200:
        raise KeyRequiredProblem
    return key


async def begin_once(
    session: AsyncSession, keys: KeyRing, actor: Actor, key: str, digest: bytes
) -> dict[str, str]:
    """What to hand to store_answer; raises ReplayedAnswer, KeyReusedProblem or InFlightProblem.

    For a route that cannot declare Idempotency because its body is a stream: `digest` (SHA-256) is of what the request means.
    It is kept under a key of this installation: whoever has a copy of the database alone cannot find a short member of the
    request (the telephone of who gave a tip) by trying.
    """
    lock = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:subject, 7))")
    if not (await session.execute(lock, {"subject": f"{actor.label}\n{key}"})).scalar_one():
        raise InFlightProblem
    request_hash = keys.derive("idempotent-request", digest).hex()
    wanted = (IdempotentAnswer.subject == actor.label, IdempotentAnswer.key == key)
    stored = (await session.execute(select(IdempotentAnswer).where(*wanted))).scalar_one_or_none()
    if stored is None:
        return {"subject": actor.label, "key": key, "request_hash": request_hash}
    if stored.request_hash != request_hash:
        raise KeyReusedProblem
    raise ReplayedAnswer(
        Response(stored.body, stored.status, {**stored.headers, "Idempotent-Replayed": "true"})
    )


async def store_answer(session: AsyncSession, begun: dict[str, str], response: Response) -> None:
    """Keep the answer, in the transaction of the act itself."""
    headers = {k: v for k, v in response.headers.items() if k != "content-length"}
    await session.execute(
        insert(IdempotentAnswer).values(
            **begun, status=response.status_code, headers=headers, body=bytes(response.body)
        )
    )


Idempotency = Annotated[str, Depends(idempotency_key)]
RequiredKey = Annotated[str, Depends(required_key)]


class IdempotentRoute(APIRoute):
    """Stores the answer of a route that declared Idempotency, before its transaction commits."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the route; runs inside the function-scoped unit of work."""
        serve = super().get_route_handler()

        async def serve_once(request: Request) -> Response:
            response = await serve(request)
            pending = getattr(request.state, "idempotent", None)
            if pending is not None and response.status_code < 400:
                await store_answer(request.state.session, pending, response)
            return response

        return serve_once
