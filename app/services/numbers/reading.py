"""Reading blocks and used numbers: a phone its own, a desk those of its regions."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.paging import Page, PageRequest
from app.models.numbers import NumberBlock, NumberUse
from app.schemas.numbers import BlockDetail, BlockView, NumberRange, NumberUseView, OwnBlock
from app.services.organizations.numbering import document_number

_PLAIN = (
    "id", "version", "status", "authority_id", "device_id", "user_id", "word", "series_word", "year", "first", "last",
    "expires_on", "created_at", "voided_at", "void_reason",
)  # fmt: skip
_USE = (
    "id", "word", "year", "number", "block_id", "authority_id", "printed_hash", "printed_at", "spoiled_reason",
    "evidence_id", "issues", "is_first", "created_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BlockFilter:
    """What a list of blocks is narrowed to; None means all."""

    authority_id: UUID | None = None
    device_id: UUID | None = None
    word: str | None = None
    year: int | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class UseFilter:
    """What a list of uses is narrowed to; `is_flagged`: only those with issues, or only those without."""

    authority_id: UUID | None = None
    word: str | None = None
    year: int | None = None
    number: int | None = None
    is_flagged: bool | None = None


def block_view(block: NumberBlock, used: int) -> BlockView:
    """A block and how many of its numbers are used."""
    return BlockView(**{name: getattr(block, name) for name in _PLAIN}, used=used)


async def list_own_blocks(session: AsyncSession, actor: Actor, request: PageRequest) -> Page[OwnBlock]:
    """The acting phone's blocks, newest first, voided ones too; two statements."""
    conditions = [NumberBlock.device_id == actor.device_id]
    if request.after:
        conditions.append(NumberBlock.id < request.after[0])
    page = await _blocks(session, conditions, request)
    numbers: dict[UUID | None, list[int]] = {}
    used = NumberUse.block_id.in_([block.id for block in page.items])
    wanted = select(NumberUse.block_id, NumberUse.number).where(used).distinct().order_by(NumberUse.number)
    for block_id, number in await session.execute(wanted):
        numbers.setdefault(block_id, []).append(number)
    views = []
    for block in page.items:
        those = numbers.get(block.id, [])
        views.append(OwnBlock(**block_view(block, len(those)).model_dump(), used_numbers=those))
    return Page(views, page.next_key)


async def list_blocks(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: BlockFilter
) -> Page[BlockView]:
    """Blocks of authorities in the actor's regions, newest first; two statements."""
    conditions = [_visible(actor)]
    for name in ("authority_id", "device_id", "word", "year", "status"):
        if (value := getattr(narrowed, name)) is not None:
            conditions.append(getattr(NumberBlock, name) == value)
    if request.after:
        conditions.append(NumberBlock.id < request.after[0])
    page = await _blocks(session, conditions, request)
    used = await _counts(session, page.items)
    return Page([block_view(block, used.get(block.id, 0)) for block in page.items], page.next_key)


async def get_block(session: AsyncSession, actor: Actor, block_id: UUID) -> NumberBlock:
    """One block of the actor's regions; raises NotFoundProblem."""
    wanted = select(NumberBlock).where(NumberBlock.id == block_id, _visible(actor))
    block = (await session.execute(wanted)).scalar_one_or_none()
    if block is None:
        raise NotFoundProblem
    return block


async def show_block(session: AsyncSession, actor: Actor, block_id: UUID) -> BlockDetail:
    """The same with every use of its numbers, and the ranges that nobody has used."""
    block = await get_block(session, actor, block_id)
    wanted = select(NumberUse).where(NumberUse.block_id == block_id).order_by(NumberUse.number, NumberUse.id)
    uses = list((await session.execute(wanted)).scalars())
    taken = sorted({use.number for use in uses})
    return BlockDetail(
        **block_view(block, len(taken)).model_dump(),
        uses=[_use_view(actor, use) for use in uses],
        unused=_unused(block.first, block.last, taken),
    )


async def list_uses(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: UseFilter
) -> Page[NumberUseView]:
    """Uses by packages of the actor's regions, newest first; one statement."""
    conditions: list[ColumnElement[bool]] = [NumberUse.region_id.in_(actor.regions_for("numbers:read"))]
    for name in ("authority_id", "word", "year", "number"):
        if (value := getattr(narrowed, name)) is not None:
            conditions.append(getattr(NumberUse, name) == value)
    if narrowed.is_flagged is not None:
        conditions.append((func.cardinality(NumberUse.issues) > 0) == narrowed.is_flagged)
    if request.after:
        conditions.append(NumberUse.id < request.after[0])
    wanted = select(NumberUse).where(*conditions).order_by(NumberUse.id.desc()).limit(request.limit + 1)
    rows = list((await session.execute(wanted)).scalars())
    page = Page.cut(rows, request, key=lambda row: (row.id,))
    return Page([_use_view(actor, row) for row in page.items], page.next_key)


def _visible(actor: Actor) -> ColumnElement[bool]:
    return NumberBlock.region_id.in_(actor.regions_for("numbers:read"))


async def _blocks(
    session: AsyncSession, conditions: Sequence[ColumnElement[bool]], request: PageRequest
) -> Page[NumberBlock]:
    wanted = select(NumberBlock).where(*conditions).order_by(NumberBlock.id.desc()).limit(request.limit + 1)
    rows = list((await session.execute(wanted)).scalars())
    return Page.cut(rows, request, key=lambda row: (row.id,))


async def _counts(session: AsyncSession, blocks: Sequence[NumberBlock]) -> dict[UUID, int]:
    wanted = (
        select(NumberUse.block_id, func.count(NumberUse.number.distinct()))
        .where(NumberUse.block_id.in_([block.id for block in blocks]))
        .group_by(NumberUse.block_id)
    )
    return {block_id: count for block_id, count in await session.execute(wanted) if block_id is not None}


def _use_view(actor: Actor, use: NumberUse) -> NumberUseView:
    """The number is the authority's to know; the record behind it is for whoever may read it."""
    may_read = use.region_id in actor.regions_for("numbers:read")
    return NumberUseView(
        **{name: getattr(use, name) for name in _USE},
        text=document_number(use.series_word, use.year, use.number),
        package_id=use.package_id if may_read else None,
        visit_id=use.visit_id if may_read else None,
    )


def _unused(first: int, last: int, taken: Sequence[int]) -> list[NumberRange]:
    ranges, start = [], first
    for number in [*taken, last + 1]:
        if number > start:
            ranges.append(NumberRange(first=start, last=number - 1))
        start = number + 1
    return ranges
