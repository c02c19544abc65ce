"""Reserving numbers for a phone, before it goes where there is no network."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.models.numbers import NumberBlock, NumberUse
from app.models.organizations import Authority
from app.schemas.numbers import BlockRequest, BlockView
from app.services.audit.service import record_act
from app.services.numbers.errors import NumberYearProblem, UnusedNumbersProblem
from app.services.numbers.reading import block_view
from app.services.organizations.jurisdiction import may_name
from app.services.organizations.numbering import take_numbers
from app.services.organizations.periods import in_force

VALID_DAYS = 90
MAX_UNUSED = 300
"""Of one series, in blocks of one phone that it may still use."""


async def reserve_block(session: AsyncSession, actor: Actor, request: BlockRequest) -> BlockView:
    """The next numbers of the authority's series, for the acting phone and nobody else, ever.

    Raises NotFoundProblem (no authority in whose name the officer acts), NumberYearProblem, UnusedNumbersProblem.
    """
    assert actor.device_id is not None
    assert actor.user_id is not None
    today = shanghai_today()
    authority = await _authority(session, actor, request.authority_id, today)
    year = request.year or today.year
    if year != today.year and (year, today.month) != (today.year + 1, 12):
        raise NumberYearProblem
    taken = await take_numbers(session, authority.id, request.word, year, request.count)
    # counted while the series is locked: whoever asks for the same phone meanwhile waits and counts this block too
    unused = await _unused(session, actor.device_id, taken.word, year, today)
    if unused + request.count > MAX_UNUSED:
        raise UnusedNumbersProblem(unused=unused, limit=MAX_UNUSED)
    block = NumberBlock(
        id=new_id(),
        version=1,
        authority_id=authority.id,
        region_id=authority.region_id,
        device_id=actor.device_id,
        user_id=actor.user_id,
        word=request.word.value,
        series_word=taken.word,
        year=year,
        first=taken.first,
        last=taken.last,
        expires_on=min(today + timedelta(days=VALID_DAYS), date(year, 12, 31)),
        status="open",
    )
    session.add(block)
    await session.flush()
    await record_act(
        session, actor, action="numbers:reserve", kind="number_block", object_id=block.id, version=1,
        region_id=block.region_id,
        after={"word": taken.word, "year": year, "first": taken.first, "last": taken.last},
    )  # fmt: skip
    return block_view(block, 0)


async def _authority(session: AsyncSession, actor: Actor, wanted: UUID | None, on: date) -> Authority:
    """The officer's own authority, or one that has entrusted it, on that day."""
    found = select(Authority).where(
        Authority.id == (wanted or actor.authority_id),
        in_force(Authority, on),
        may_name(actor.authority_id, Authority.id, on),
    )
    authority = (await session.execute(found)).scalar_one_or_none()
    if authority is None:
        raise NotFoundProblem
    return authority


async def _unused(session: AsyncSession, device_id: UUID, series_word: str, year: int, on: date) -> int:
    """How many numbers of the series the phone may still use."""
    blocks = (
        NumberBlock.device_id == device_id,
        NumberBlock.series_word == series_word,
        NumberBlock.year == year,
        NumberBlock.status == "open",
        NumberBlock.expires_on >= on,
    )
    used = (
        select(func.count())
        .select_from(NumberUse)
        .join(NumberBlock, NumberBlock.id == NumberUse.block_id)
        .where(*blocks, NumberUse.is_first)
        .scalar_subquery()
    )
    held = select(func.coalesce(func.sum(NumberBlock.last - NumberBlock.first + 1), 0)).where(*blocks)
    return int((await session.execute(select(held.scalar_subquery() - used))).scalar_one())
