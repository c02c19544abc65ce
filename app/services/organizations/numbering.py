"""Numbers of an authority's documents and cases: one gapless series per authority, word and year."""

from uuid import UUID

from sqlalchemy import literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.organizations import Authority, NumberSeries


async def take_number(session: AsyncSession, authority_id: UUID, kind: str, year: int) -> str:
    """The next number, without gaps, of an authority, a kind of document and a year: 安应急患〔2026〕1号.

    The series is locked until the transaction ends: take it late. A number taken by a transaction that fails is not used up.
    """
    word = Authority.document_word + kind
    source = select(Authority.id, word, literal(year), literal(1)).where(Authority.id == authority_id)
    fresh = insert(NumberSeries).from_select(["authority_id", "word", "year", "last"], source)
    taken = fresh.on_conflict_do_update(
        index_elements=["authority_id", "word", "year"],
        set_={"last": NumberSeries.last + fresh.excluded.last},
    ).returning(NumberSeries.word, NumberSeries.last)
    row = (await session.execute(taken)).one()
    return f"{row.word}〔{year}〕{row.last}号"
