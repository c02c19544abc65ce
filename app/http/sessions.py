"""Dependencies that give a route its unit of work, the runtime, and who is acting."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.services.identity.authentication import find_actor
from app.services.identity.errors import (
    DeviceRequiredProblem,
    PasswordChangeRequiredProblem,
    UnauthenticatedProblem,
    WrongAudienceProblem,
)
from app.services.identity.tokens import read_access_token
from app.services.runtime import Runtime


def runtime_of(request: Request) -> Runtime:
    """The process's open resources."""
    runtime = request.app.state.runtime
    assert isinstance(runtime, Runtime)
    return runtime


async def _runtime(request: Request) -> Runtime:
    """As a dependency: asynchronous, since FastAPI sends every other kind through a thread."""
    return runtime_of(request)


RuntimeOf = Annotated[Runtime, Depends(_runtime)]


async def current_actor(request: Request) -> Actor:
    """Who is acting, by the bearer token; checked against the database on every request, in one round trip."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedProblem(headers={"WWW-Authenticate": "Bearer"})
    runtime = runtime_of(request)
    claims = read_access_token(runtime.keys, token)
    async with runtime.database.single_statement() as connection:
        actor = await find_actor(connection, claims)
    check_audience(actor, request.method, request.url.path)
    request.state.actor = actor
    return actor


def check_audience(actor: Actor, method: str, path: str) -> None:
    """Let each kind of caller in at its own doors only: a client at the partner's, an enterprise's person at the enterprise's, a
    phone at the mobile ones.

    A browser may read at the mobile doors (to see what a phone sees); what comes from the field comes from enrolled phones.
    """
    if (actor.kind == "client") != path.startswith("/partner/"):
        raise WrongAudienceProblem
    if (actor.kind == "enterprise") != path.startswith("/enterprise/"):
        raise WrongAudienceProblem
    is_mobile = path.startswith("/mobile/")
    if actor.device_id is not None and not is_mobile:
        raise WrongAudienceProblem
    if actor.device_id is None and is_mobile and method not in ("GET", "HEAD"):
        raise DeviceRequiredProblem


CurrentActor = Annotated[Actor, Depends(current_actor)]


def allowed(action: str, *alternatives: str) -> Callable[..., object]:
    """A dependency that refuses whoever holds `action`, or an alternative, nowhere; the region is judged by the service.

    The action is also what docs/permissions.md and the negative tests read from the route.
    """

    async def check(actor: CurrentActor) -> Actor:
        if actor.must_change_password:
            raise PasswordChangeRequiredProblem
        if not any(map(actor.can, alternatives)):
            actor.require(action)
        return actor

    check.action = action  # type: ignore[attr-defined]
    check.alternatives = alternatives  # type: ignore[attr-defined]
    return check


async def _write_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with runtime_of(request).database.write() as session:
        request.state.session = session
        yield session


async def _read_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with runtime_of(request).database.read() as session:
        yield session


WriteSession = Annotated[AsyncSession, Depends(_write_session, scope="function")]
"""Commits after the route has returned and before the answer leaves: a failed commit becomes an error."""

ReadSession = Annotated[AsyncSession, Depends(_read_session, scope="function")]
