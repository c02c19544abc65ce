"""One stream of server-sent events: changed documents as pages, from a cursor on, until the token ends."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import orjson

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import Problem
from app.enums.sync import SyncCollection
from app.services.identity.authentication import find_actor
from app.services.identity.tokens import expiry_of_token, read_access_token
from app.services.inspections.policy import SUBMIT_ACTIONS
from app.services.runtime import Runtime
from app.services.sync.collections import COLLECTIONS
from app.services.sync.content import CONTENT
from app.services.sync.errors import ResyncProblem
from app.services.sync.service import Pulled, pull
from app.services.sync.streams import Desk, Listener, desk_of, wait_for_bell

HEARTBEAT_SECONDS = 20.0
"""A comment in between, so that no proxy takes the silence for death."""
PAGE = 50

_BEGINNING = b"retry: 5000\n\n"
_HEARTBEAT = b": still here\n\n"
_RESYNC = b"event: RESYNC\ndata: RESYNC\n\n"
_RESYNC_WITHOUT_CURSOR = b"id:\nevent: RESYNC\ndata: RESYNC\n\n"


class ChangeStream:
    """A stream that has its place at the desk. `cursor` None: it only says RESYNC, for the phone to pull by its own cursor.

    Who listens is asked anew each time there is something to tell: a phone revoked meanwhile is told nothing more.
    """

    def __init__(self, runtime: Runtime, token: str, collection: SyncCollection, cursor: str | None) -> None:
        self._runtime = runtime
        self._token = token
        self._collection = collection
        self._cursor = cursor
        self._place = AsyncExitStack()
        self._desk: Desk = desk_of(runtime)
        known = COLLECTIONS.get(collection)
        self._listener = Listener(known.kinds if known else CONTENT[collection])
        self._first: list[bytes] = []
        self._has_more = False

    async def begin(self, actor: Actor) -> None:
        """Take a place; raises TooManyStreamsProblem, and SyncCursorProblem for a cursor that is not the caller's.

        Whoever began it closes it."""
        self._listener.user_id = actor.user_id
        await self._place.enter_async_context(self._desk.place_for(actor, self._listener))
        try:
            await self._desk.watch()
            if self._cursor:  # one page tells whether the cursor is good; the rest comes when somebody reads
                async with self._desk.readers:
                    self._first = await self._page(actor)
            else:
                self._first = [_RESYNC]
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Give the place back; harmless when repeated. Whoever was the last leaves nothing running."""
        await self._place.aclose()

    async def events(self) -> AsyncGenerator[bytes]:
        """The events, until the token ends, the caller is no more let in, or he goes away."""
        yield _BEGINNING
        for piece in self._first:
            yield piece
        self._first = []
        ends_at = expiry_of_token(self._runtime.keys, self._token)
        while (left := ends_at - utc_now().timestamp()) > 0:
            if not self._has_more and not await wait_for_bell(self._listener, min(left, HEARTBEAT_SECONDS)):
                yield _HEARTBEAT
                continue
            try:
                pieces = await self._tell()
            except Problem:
                return
            for piece in pieces:  # a slow reader does not keep others waiting
                yield piece

    async def _tell(self) -> list[bytes]:
        """The next page, or that it is time to pull; raises what the caller is refused with by now."""
        async with self._desk.readers:
            actor = await find_submitter(self._runtime, self._token)
            return await self._page(actor) if self._cursor else [_RESYNC]

    async def _page(self, actor: Actor) -> list[bytes]:
        """What the cursor has not been told yet, a page of it, or that it is good for nothing any more."""
        try:
            pulled = await pull(self._runtime, actor, self._collection, self._cursor, PAGE)
        except ResyncProblem:
            self._cursor, self._has_more = None, False
            return [_RESYNC_WITHOUT_CURSOR]
        self._has_more, self._cursor = pulled.has_more, pulled.cursor
        self._listener.regions = pulled.watched
        return [_event(pulled)] if pulled.documents else []


async def find_submitter(runtime: Runtime, token: str) -> Actor:
    """Whom a token stands for now; raises UnauthenticatedProblem and ForbiddenProblem, or that its phone is pending or revoked."""
    async with runtime.database.single_statement() as connection:
        actor = await find_actor(connection, read_access_token(runtime.keys, token))
    if not any(map(actor.can, SUBMIT_ACTIONS)):
        actor.require(SUBMIT_ACTIONS[0])
    return actor


def _event(pulled: Pulled) -> bytes:
    data = {"documents": pulled.documents, "checkpoint": {"cursor": pulled.cursor}}
    return b"id: " + pulled.cursor.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


async def open_stream(
    runtime: Runtime, actor: Actor, token: str, collection: SyncCollection, cursor: str | None
) -> ChangeStream:
    """A stream of what changes from `cursor` on; raises TooManyStreamsProblem (429) and SyncCursorProblem."""
    stream = ChangeStream(runtime, token, collection, cursor)
    await stream.begin(actor)
    return stream
