"""What a phone holds offline, pulled page by page or as one stream of lines; and what it pushes, as RxDB's replication does."""

from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.core.errors import Problem
from app.enums.sync import SyncCollection
from app.http.bodies import json_rows
from app.http.compression import LINES
from app.http.openapi import raw_body
from app.http.sessions import CurrentActor, RuntimeOf, allowed
from app.http.stamping import stamped_answer
from app.routers.mobile.packages import Phone
from app.schemas.mobile.push import PackageRow, StampedPackage
from app.schemas.mobile.sync import PullPage
from app.services.inspections.policy import SUBMIT_ACTIONS
from app.services.runtime import Runtime
from app.services.sync.collections import MAX_LIMIT
from app.services.sync.pushing import MAX_ROWS, push_packages
from app.services.sync.service import Pulled, pull
from app.services.sync.streaming import ChangeStream, find_submitter, open_stream

EVENTS = "text/event-stream"

router = APIRouter(prefix="/sync", tags=["sync"])
HELD = [Depends(allowed(*SUBMIT_ACTIONS))]

Cursor = Annotated[str | None, Query()]
Limit = Annotated[int | None, Query(ge=1, le=MAX_LIMIT)]


@router.get(
    "/{collection}/pull",
    dependencies=HELD,
    responses={200: {"model": PullPage, "content": {LINES: {"schema": {"type": "string"}}}}},
)
async def get_changes(
    collection: SyncCollection,
    request: Request,
    actor: CurrentActor,
    runtime: RuntimeOf,
    cursor: Cursor = None,
    limit: Limit = None,
) -> Response:
    """What has changed of the caller's documents since the cursor, tombstones included; without one, all of them.

    410: begin again without a cursor; what waits to be sent is not touched. With `Accept: application/x-ndjson` everything
    comes in one answer: a line for each document, and after each page of `limit` a line with the checkpoint; what breaks off
    goes on from the last checkpoint.
    """
    first = await pull(runtime, actor, collection, cursor, limit)
    if LINES in request.headers.get("accept", ""):
        token = request.headers["authorization"].partition(" ")[2]
        lines = in_lines(runtime, token, collection, first, limit)
        return StreamingResponse(lines, media_type=LINES)
    return Response(orjson.dumps(_page(first)), media_type="application/json")


@router.get(
    "/{collection}/stream",
    dependencies=HELD,
    responses={
        200: {"content": {EVENTS: {"schema": {"type": "string"}}}, "description": "Server-sent events"}
    },
    response_class=StreamingResponse,
)
async def get_stream(
    collection: SyncCollection,
    request: Request,
    actor: CurrentActor,
    runtime: RuntimeOf,
    cursor: Cursor = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Server-sent events, each a page as pull gives it, `id` its cursor; resumed by Last-Event-ID, closed when the token ends.

    Without a cursor, and where it is good for nothing any more, the event RESYNC says: pull. 429 when the phone, its user or
    the server has enough streams open; pulling works all the same.
    """
    token = request.headers["authorization"].partition(" ")[2]
    stream = await open_stream(runtime, actor, token, collection, last_event_id or cursor)
    request.state.is_endless = True  # see BoundedProtocol.shutdown
    headers = {"X-Accel-Buffering": "no"}
    return _Events(stream, headers)


class _Events(StreamingResponse):
    """A stream that gives its place back however it ends, also when nobody began to read it."""

    def __init__(self, stream: ChangeStream, headers: dict[str, str]) -> None:
        self._events = stream.events()
        super().__init__(self._events, media_type=EVENTS, headers=headers)
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until either side ends it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await (
                self._events.aclose()
            )  # a reader who hung up in mid-event left it there, for the collector to end some day
            await self._stream.close()


def _page(pulled: Pulled) -> dict[str, object]:
    return {
        "documents": pulled.documents,
        "checkpoint": {"cursor": pulled.cursor},
        "has_more": pulled.has_more,
    }


async def in_lines(
    runtime: Runtime, token: str, collection: SyncCollection, page: Pulled, limit: int | None
) -> AsyncIterator[bytes]:
    """The pages as lines; between two of them no connection is held. Whom the token stands for is asked before each: who is
    refused meanwhile gets no further one, and no last checkpoint."""
    while True:
        checkpoint = {"checkpoint": {"cursor": page.cursor}, "has_more": page.has_more}
        yield b"".join(orjson.dumps(one) + b"\n" for one in (*page.documents, checkpoint))
        if not page.has_more:
            return
        try:
            actor = await find_submitter(runtime, token)
            page = await pull(runtime, actor, collection, page.cursor, limit)
        except Problem:
            return


@router.post(
    "/packages/push",
    dependencies=HELD,
    openapi_extra=raw_body("application/json", model=list[PackageRow]),
    responses={200: {"model": list[StampedPackage]}},
)
async def push_package_rows(request: Request, actor: Phone, runtime: RuntimeOf) -> Response:
    """Submit up to 100 sealed packages; each is kept, processed or refused as the single PUT would, whatever the others are.

    The answer has the document of every row, in their order, with what the server stamps upon it; a row that says all this
    already is left out, as RxDB wants it (what comes back is a conflict, and taking it over ends it). Repeating is harmless.
    """
    rows = await json_rows(request, MAX_ROWS)
    return stamped_answer(request, rows, await push_packages(runtime, actor, rows))
