"""The open streams of one process: counted, and woken together. However many listen, one question a second goes to the database.

A stream that idles is a coroutine that waits: it holds no connection and no transaction. The desk asks the feed where it is,
and of what it has moved over; only streams that this may concern wake, and two of them at a time look at their own.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from anyio import CancelScope
from sqlalchemy import text
from structlog import get_logger

from app.core.actor import Actor
from app.db.session import Database
from app.services.runtime import Runtime
from app.services.sync.errors import TooManyStreamsProblem

POLL_SECONDS = 1.0
AFTER_FAILURE_SECONDS = 5.0
READERS = 2
"""Streams that read at the same time: the process's other requests have connections left."""
LOOKED_THROUGH = 20_000
"""Positions beyond which everybody is woken, unasked."""
COME_BACK_SECONDS = 30

log = get_logger()

_WHERE = text("SELECT last_position FROM change_feed")
_MOVED = text(
    """
    SELECT DISTINCT kind, region_id, previous_region_id, CASE WHEN kind = 'user' THEN object_id END AS user_id
      FROM changes WHERE position > :low AND position <= :high
    """
)


@dataclass(eq=False, slots=True)
class Listener:
    """One open stream: what it listens for, and the bell that rings. `regions` None: wherever it is."""

    kinds: frozenset[str]
    user_id: UUID | None = None
    regions: frozenset[UUID] | None = None
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    def concerns(self, change: Any) -> bool:
        """Whether a change may touch what this stream tells: its documents, or, by a new grant or transfer, its scope."""
        if change.kind == "user" and change.user_id == self.user_id:
            return True
        if change.kind not in self.kinds:
            return False
        if self.regions is None or change.kind == "assignment" or change.region_id is None:
            return True
        return change.region_id in self.regions or change.previous_region_id in self.regions


class Desk:
    """Where the streams of one process are kept."""

    def __init__(self, runtime: Runtime) -> None:
        self._database = runtime.database
        self._limits = {
            "device": runtime.settings.sync_streams_per_device,
            "user": 2 * runtime.settings.sync_streams_per_device,
        }
        self._total = runtime.settings.sync_streams
        self._listeners: set[Listener] = set()
        self._open: Counter[tuple[str, UUID]] = Counter()
        self._watch: asyncio.Task[None] | None = None
        self._position = 0
        self.readers = asyncio.Semaphore(READERS)

    @asynccontextmanager
    async def place_for(self, actor: Actor, listener: Listener) -> AsyncIterator[None]:
        """Count a stream while it is open; raises TooManyStreamsProblem where the device, the user or the process has enough."""
        owners = [("device", actor.device_id or actor.session_id), ("user", actor.user_id)]
        mine = [(kind, owner) for kind, owner in owners if owner is not None]
        if len(self._listeners) >= self._total or any(
            self._open[one] >= self._limits[one[0]] for one in mine
        ):
            raise TooManyStreamsProblem(seconds=COME_BACK_SECONDS)
        self._listeners.add(listener)
        self._open.update(mine)
        try:
            yield
        finally:
            self._listeners.discard(listener)
            self._open.subtract(mine)
            self._open += Counter()  # forgets those who have none left
            if not self._listeners:
                await self.rest()

    async def watch(self) -> None:
        """See to it that the feed is watched; whatever gets its position after this returns is noticed."""
        if self._watch is None or self._watch.done():
            where = await self._where()
            if (
                self._watch is None or self._watch.done()
            ):  # nobody began while we asked: the place is ours to set
                self._position = where
                self._watch = asyncio.create_task(self._keep_watching())

    async def rest(self) -> None:
        """Watch no more; the watch has ended, and given its connection back, when this returns, also in a request cut off."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            with CancelScope(shield=True):
                await asyncio.wait([watch])

    async def _keep_watching(self) -> None:
        while True:
            try:
                await asyncio.sleep(POLL_SECONDS)
                await self._look()
            except Exception as error:
                log.error("feed_not_watched", kind=type(error).__name__, exc_info=error)
                await asyncio.sleep(AFTER_FAILURE_SECONDS)

    async def _look(self) -> None:
        last = await self._where()
        if last == self._position:
            return
        moved: list[Any] | None = None
        if 0 < last - self._position <= LOOKED_THROUGH:
            async with self._database.single_statement() as connection:
                moved = list(await connection.execute(_MOVED, {"low": self._position, "high": last}))
        self._position = last
        for listener in list(self._listeners):
            if moved is None or any(map(listener.concerns, moved)):
                listener.bell.set()

    async def _where(self) -> int:
        async with self._database.single_statement() as connection:
            return int((await connection.execute(_WHERE)).scalar_one())


_desks: WeakKeyDictionary[Database, Desk] = WeakKeyDictionary()


async def close_desk(runtime: Runtime) -> None:
    """Before the runtime closes: what still watches ends, whatever became of its streams."""
    desk = _desks.pop(runtime.database, None)
    if desk is not None:
        await desk.rest()


def desk_of(runtime: Runtime) -> Desk:
    """The one desk of this process."""
    desk = _desks.get(runtime.database)
    if desk is None:
        desk = _desks[runtime.database] = Desk(runtime)
    return desk


async def wait_for_bell(listener: Listener, seconds: float) -> bool:
    """True when it rang within so many seconds; it is then quiet again."""
    with suppress(TimeoutError):
        await asyncio.wait_for(listener.bell.wait(), max(seconds, 0))
    rang = listener.bell.is_set()
    listener.bell.clear()
    return rang
