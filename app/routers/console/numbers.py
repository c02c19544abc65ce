"""Number blocks and used numbers at the console."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.enums.numbers import DocumentWord
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.schemas.numbers import BlockDetail, BlockView, NumberUseView, VoidRequest
from app.services.numbers.reading import (
    BlockFilter,
    UseFilter,
    get_block,
    list_blocks,
    list_uses,
    show_block,
)
from app.services.numbers.voiding import void_block

router = APIRouter(prefix="/numbers", tags=["numbers"])
READ = [Depends(allowed("numbers:read"))]
VOID = [Depends(allowed("numbers:void"))]
Year = Annotated[int | None, Query(ge=1900, le=9999)]


@router.get("/blocks", dependencies=READ)
async def get_blocks(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    authority_id: UUID | None = None,
    device_id: UUID | None = None,
    word: DocumentWord | None = None,
    year: Year = None,
    status: Annotated[Literal["open", "voided"] | None, Query()] = None,
) -> PageOf[BlockView]:
    """Blocks of authorities in the caller's regions, newest first."""
    narrowed = BlockFilter(authority_id, device_id, word, year, status)
    return paging.page(await list_blocks(session, actor, paging.request, narrowed), lambda row: row)


@router.get("/blocks/{block_id}", dependencies=READ)
async def get_one_block(
    block_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> BlockDetail:
    """One block: every use of its numbers, and the ranges that nobody has used."""
    block = await show_block(session, actor, block_id)
    set_etag(response, block.version)
    return block


@router.post("/blocks/{block_id}/voiding", dependencies=VOID)
async def post_voiding(
    block_id: UUID,
    body: VoidRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> BlockDetail:
    """Void a block with a reason; its numbers are never issued again, and what was used stays."""
    check_version((await get_block(session, actor, block_id)).version, expected)
    block = await void_block(session, actor, block_id, expected, body.reason)
    set_etag(response, block.version)
    return block


@router.get("/uses", dependencies=READ)
async def get_uses(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    authority_id: UUID | None = None,
    word: Annotated[str | None, Query(min_length=1, max_length=20, pattern=r"^[^\x00]+$")] = None,
    year: Year = None,
    number: Annotated[int | None, Query(ge=1, lt=2**53)] = None,
    flagged: bool | None = None,
) -> PageOf[NumberUseView]:
    """Numbers that packages of the caller's regions say they have used, newest first; `flagged`: those with something odd."""
    narrowed = UseFilter(authority_id, word, year, number, flagged)
    return paging.page(await list_uses(session, actor, paging.request, narrowed), lambda row: row)
