"""Pulling: one page of a collection after a cursor, in one view of the database, and the cursor to go on with."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from structlog import get_logger

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.enums.sync import SyncCollection
from app.jobs.relay import FeedState, end_epoch, feed_state
from app.services.runtime import Runtime
from app.services.sync.collections import COLLECTIONS, Collection, Partition
from app.services.sync.content import CONTENT, pull_content
from app.services.sync.cursors import Cursor, Listing, encode_cursor, open_cursor, read_cursor
from app.services.sync.errors import PageTooLargeProblem, ResyncProblem
from app.services.sync.feed import Told, changed_documents
from app.services.sync.partitions import roots_of, shared_roots, subtrees_of
from app.services.sync.scope import Named, Scope, own_assignments

DEFAULT_LIMIT = 500

log = get_logger()

_UNPOSITIONED = text("SELECT coalesce(max(id), 0) FROM changes WHERE position IS NULL")
_WAITS = text("SELECT EXISTS (SELECT FROM changes WHERE position IS NULL AND id <= :mark)")


@dataclass(frozen=True, slots=True)
class Pulled:
    """One page: documents and tombstones in their order, the cursor after them, and whether more waits already.

    `watched`: the regions whose changes may touch the collection next; None: any.
    """

    documents: Sequence[dict[str, Any]]
    cursor: str
    has_more: bool
    watched: frozenset[UUID] | None = None


async def pull(
    runtime: Runtime, actor: Actor, name: SyncCollection, cursor: str | None, limit: int | None = None
) -> Pulled:
    """At most `limit` documents after the cursor; fewer mean that the caller has everything for now.

    A document is whole; `_deleted` means that the caller does not hold it any more. A row that changes while it is told may
    come twice, none is left out. Raises SyncCursorProblem for a cursor that is not the caller's, ResyncProblem when the feed
    it counts in is no more or the caller's many regions are others by now, PageTooLargeProblem where documents are big and `limit`
    asks for too many.
    """
    if name in CONTENT:
        return Pulled(*await pull_content(runtime, actor, name, cursor, limit or DEFAULT_LIMIT))
    collection = COLLECTIONS[name]
    if limit is not None and limit > collection.most:
        raise PageTooLargeProblem(limit=collection.most)
    count = limit or min(DEFAULT_LIMIT, collection.most)
    given = open_cursor(runtime.keys, actor, name, cursor) if cursor else None
    try:
        async with runtime.database.snapshot() as session:
            page = await _Page.begin(session, actor, collection, given, count)
            await page.fill()
    except _FeedWentBack as back:
        await _tell_everybody(runtime, back.cursor)
        raise ResyncProblem from None
    return Pulled(
        list(page.documents.values()),
        encode_cursor(runtime.keys, actor, name, page.cursor),
        page.has_more,
        page.watched,
    )


class _FeedWentBack(Exception):
    """The feed does not reach as far as a cursor of this very epoch."""

    def __init__(self, cursor: Cursor) -> None:
        super().__init__(cursor.position)
        self.cursor = cursor


async def _tell_everybody(runtime: Runtime, given: Cursor) -> None:
    """We signed a cursor from beyond the feed's end: a backup was put back, and others hold cursors of what is no more."""
    async with runtime.database.write() as session:
        if await end_epoch(session, given.epoch, given.position):
            log.error("feed_went_back", position=given.position)


@dataclass(slots=True)
class _Page:
    """One page while it is filled; every statement of it sees the same moment."""

    session: AsyncSession
    collection: Collection
    feed: FeedState
    scope: Scope
    roots: frozenset[UUID]
    named: Named
    cursor: Cursor
    limit: int
    documents: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    has_more: bool = True

    @classmethod
    async def begin(
        cls, session: AsyncSession, actor: Actor, collection: Collection, given: list[Any] | None, limit: int
    ) -> "_Page":
        """Read what the page rests on, and turn to the scope that the caller has now."""
        feed, today = await feed_state(session), shanghai_today()
        partitions = collection.held_by(actor)
        is_regional = collection.partition is Partition.REGION
        roots = await roots_of(session, partitions) if is_regional else partitions
        if given is None:
            cursor = Cursor(
                feed.epoch, feed.last_position, today, listing=Listing(roots, today, is_first=True)
            )
        else:
            cursor = read_cursor(given, roots)
            if cursor.epoch != feed.epoch:
                raise ResyncProblem
            if cursor.position > feed.last_position:
                raise _FeedWentBack(cursor)
        own = await own_assignments(session, actor, min(cursor.day, today), today)
        named = await collection.named(session, own) if own else Named()
        scope = Scope(actor, today, partitions, own)
        page = cls(session, collection, feed, scope, roots, named, cursor, limit)
        page.cursor = await page._turned()
        return page

    @property
    def watched(self) -> frozenset[UUID] | None:
        """Where changes matter to whoever holds this page."""
        is_regional = self.collection.partition is Partition.REGION and not self.cursor.shed
        return self.scope.partitions | self.named.regions if is_regional else None

    async def fill(self) -> None:
        """Go on from the cursor until the page is full or nothing is left."""
        while self.has_more and len(self.documents) < self.limit:
            if self.cursor.listing is not None:
                await self._list()
                self.cursor = await self._turned()
            else:
                await self._follow()

    async def _turned(self) -> Cursor:
        """The cursor, with a listing begun where regions or the day have changed.

        A listing towards what is not the scope any more is begun again from the most that the phone may have and the least
        that it has for sure.
        """
        cursor, walk = self.cursor, self.cursor.listing
        if walk is not None and walk.goal != self.roots:
            held = await self._shared(cursor.held, walk.goal)
            shed = cursor.shed | cursor.held | walk.goal
            return replace(cursor, held=held, shed=shed, listing=Listing(self.roots, self.scope.today))
        if walk is None and (cursor.held, cursor.day) != (self.roots, self.scope.today):
            return replace(cursor, listing=Listing(self.roots, self.scope.today))
        return cursor

    async def _list(self) -> None:
        """Tell rows whose partition came in or went out, and what assignments name; at the end the new scope is held."""
        walk = self.cursor.listing
        assert walk is not None
        goal, held = await self._expanded(walk.goal), await self._expanded(self.cursor.held)
        out = await self._expanded(self.cursor.shed | self.cursor.held) - goal
        room = self.limit - len(self.documents)
        rows = await self.session.execute(
            _listing(self.collection),
            {
                "partitions": list((goal - held) | out),
                "named": list(self.named.all),
                "after": walk.after or UUID(int=0),
                "count": room,
            },
        )
        ids = list(rows.scalars())
        await self._tell(ids, with_tombstones=not walk.is_first)
        if len(ids) == room:
            self.cursor = replace(self.cursor, listing=replace(walk, after=ids[-1]))
            return
        shed = (self.cursor.shed | self.cursor.held) - walk.goal
        mark = (await self.session.execute(_UNPOSITIONED)).scalar_one() if shed else 0
        self.cursor = replace(self.cursor, held=walk.goal, shed=shed, mark=mark, day=walk.day, listing=None)

    async def _follow(self) -> None:
        """Tell what has changed since the cursor's position."""
        own = await self._expanded(self.cursor.held | self.cursor.shed)
        room = self.limit - len(self.documents)
        values = {
            "held": list(own),
            "watched": list(own | self.named.regions),
            "named": list(self.named.all),
            "assigned_regions": list({one.region_id for one in self.scope.assignments}),
            "user_id": self.scope.actor.user_id,
        }
        told = Told(self.cursor.position, self.cursor.document)
        last = self.feed.last_position
        found = await changed_documents(self.session, self.collection.changed, values, told, last, room)
        await self._tell([one.document for one in found if one.document], with_tombstones=True)
        if len(found) == room:
            self.cursor = replace(self.cursor, position=found[-1].position, document=found[-1].document)
            return
        self.has_more = False
        self.cursor = replace(self.cursor, position=last, document=None)
        if self.cursor.shed and not await self._waits():
            self.cursor = replace(self.cursor, shed=frozenset(), mark=0)

    async def _tell(self, ids: Sequence[UUID], *, with_tombstones: bool) -> None:
        new = [one for one in dict.fromkeys(ids) if one not in self.documents]
        made = await self.collection.made(self.session, self.scope, self.named, new) if new else {}
        for identifier in new:
            if identifier in made:
                self.documents[identifier] = {**made[identifier], "_deleted": False}
            elif with_tombstones:
                self.documents[identifier] = {"id": identifier, "_deleted": True}

    async def _waits(self) -> bool:
        """Whether a change that the last listing may have seen, but no position tells yet, is still to come."""
        return bool((await self.session.execute(_WAITS, {"mark": self.cursor.mark})).scalar_one())

    async def _expanded(self, roots: frozenset[UUID]) -> frozenset[UUID]:
        if self.collection.partition is not Partition.REGION:
            return roots
        return self.scope.partitions if roots == self.roots else await subtrees_of(self.session, roots)

    async def _shared(self, one: frozenset[UUID], other: frozenset[UUID]) -> frozenset[UUID]:
        if self.collection.partition is not Partition.REGION:
            return one & other
        return await shared_roots(self.session, one, other)


def _listing(collection: Collection) -> Any:
    """Ids of a collection's rows in some partitions, and of the named ones, after an id."""
    key, rows = collection.key, f"FROM {collection.table} t WHERE {collection.key} > :after"
    return text(
        f"SELECT id FROM ((SELECT {key} AS id {rows} AND {collection.belongs} ORDER BY {key} LIMIT :count) "
        f"UNION (SELECT {key} {rows} AND {key} = ANY(CAST(:named AS uuid[])))) found ORDER BY id LIMIT :count"
    )
