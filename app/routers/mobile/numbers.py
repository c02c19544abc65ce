"""Numbers for documents printed on site, reserved before the phone goes where there is no network."""

from fastapi import APIRouter, Depends

from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import ReadSession, WriteSession, allowed
from app.routers.mobile.packages import Phone
from app.schemas.numbers import BlockRequest, BlockView, OwnBlock
from app.services.numbers.reading import list_own_blocks
from app.services.numbers.reserving import reserve_block

router = APIRouter(prefix="/numbers", tags=["numbers"], route_class=IdempotentRoute)
RESERVE = [Depends(allowed("numbers:reserve"))]


@router.post("/blocks", status_code=201, dependencies=RESERVE)
async def post_block(body: BlockRequest, actor: Phone, session: WriteSession, _: Idempotency) -> BlockView:
    """Reserve the next numbers of an authority's series for this phone; repeating gives the same block."""
    return await reserve_block(session, actor, body)


@router.get("/blocks", dependencies=RESERVE)
async def get_own_blocks(actor: Phone, session: ReadSession, paging: PagingOf) -> PageOf[OwnBlock]:
    """This phone's blocks, newest first, with the numbers that have been used; voided ones too: their numbers are not for use."""
    return paging.page(await list_own_blocks(session, actor, paging.request), lambda row: row)
