"""What waits for a person: deliveries of revoked phones, packages that were set aside."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.objects import content_disposition, object_response
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession, allowed
from app.schemas.quarantine import DecisionRequest, QueueDetail, QueueItem
from app.services.quarantine.deciding import Decision, reject_item, release_item
from app.services.quarantine.queue import QueueFilter, get_item, list_items
from app.services.quarantine.reading import read_original, show_item

router = APIRouter(prefix="/quarantine", tags=["quarantine"])
READ = [Depends(allowed("quarantine:read"))]
DECIDE = [Depends(allowed("quarantine:decide"))]


@router.get("", dependencies=READ)
async def get_items(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    status: Annotated[Literal["waiting", "released", "rejected"], Query()] = "waiting",
    reason: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    device_id: UUID | None = None,
    authority_id: UUID | None = None,
    region_id: UUID | None = None,
    package_id: UUID | None = None,
    older_than_days: Annotated[int | None, Query(ge=0, le=3650)] = None,
) -> PageOf[QueueItem]:
    """The queue, oldest first. `reason` is the beginning of the stable word; a region means everything below it too."""
    narrowed = QueueFilter(
        status, reason, device_id, authority_id, region_id, older_than_days, package_id=package_id
    )
    return paging.page(await list_items(session, actor, paging.request, narrowed), QueueItem.model_validate)


@router.get("/{item_id}", dependencies=READ)
async def get_one_item(
    item_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> QueueDetail:
    """One item: why it waits, what can be read of it, the files handed in for it."""
    item = await show_item(session, actor, item_id)
    set_etag(response, item.version)
    return item


@router.get(
    "/{item_id}/original",
    dependencies=[Depends(allowed("quarantine:read_original"))],
    response_class=Response,
)
async def get_original(item_id: UUID, request: Request, actor: CurrentActor, runtime: RuntimeOf) -> Response:
    """The bytes as they came. Written down before they leave."""
    async with runtime.database.write() as session:
        original = await read_original(session, actor, item_id)
    if original.stored is not None:
        return await object_response(request, runtime.storage, original.stored, as_attachment=True)
    headers = {
        "Content-Disposition": content_disposition(original.name, as_attachment=True),
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(original.sealed, headers=headers, media_type="application/octet-stream")


@router.post("/{item_id}/release", dependencies=DECIDE)
async def post_release(
    item_id: UUID,
    body: DecisionRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    runtime: RuntimeOf,
) -> QueueDetail:
    """Process it as if it had come through the ordinary door; from a revoked phone, with a mark that stays. Never one's own."""
    async with runtime.database.read() as session:
        check_version((await get_item(session, actor, item_id)).version, expected)
    await release_item(runtime, actor, Decision(item_id, expected, body.reason))
    async with runtime.database.read() as session:
        item = await show_item(session, actor, item_id)
    set_etag(response, item.version)
    return item


@router.post("/{item_id}/rejection", dependencies=DECIDE)
async def post_rejection(
    item_id: UUID,
    body: DecisionRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> QueueDetail:
    """Refuse it for good; it is kept for ever, and its sender is told the reason. Never one's own."""
    check_version((await get_item(session, actor, item_id)).version, expected)
    await reject_item(session, actor, Decision(item_id, expected, body.reason))
    item = await show_item(session, actor, item_id)
    set_etag(response, item.version)
    return item
