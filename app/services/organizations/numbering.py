"""Numbers of an authority's documents and cases: one series per authority, word and year, and no number of it twice."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.models.organizations import Authority, NumberSeries


@dataclass(frozen=True, slots=True)
class TakenNumbers:
    """Numbers `first` to `last` of the series that `word` (安应急责改) and the year name."""

    word: str
    first: int
    last: int


async def take_number(session: AsyncSession, authority_id: UUID, kind: str, year: int) -> str:
    """The next number, without gaps, of an authority, a kind of document and a year: 安应急患〔2026〕1号.

    The series is locked until the transaction ends: take it late. A number taken by a transaction that fails is not used up.
    """
    taken = await take_numbers(session, authority_id, kind, year, 1)
    return document_number(taken.word, year, taken.last)


async def take_numbers(
    session: AsyncSession, authority_id: UUID, kind: str, year: int, count: int
) -> TakenNumbers:
    """The next `count` numbers of the same series, for whoever asked; as with take_number the series is locked."""
    word = Authority.document_word + kind
    source = select(Authority.id, word, literal(year), literal(count)).where(Authority.id == authority_id)
    fresh = insert(NumberSeries).from_select(["authority_id", "word", "year", "last"], source)
    taken = fresh.on_conflict_do_update(
        index_elements=["authority_id", "word", "year"],
        set_={"last": NumberSeries.last + fresh.excluded.last},
    ).returning(NumberSeries.word, NumberSeries.last)
    row = (await session.execute(taken)).one()
    return TakenNumbers(row.word, row.last - count + 1, row.last)


async def skip_numbers(session: AsyncSession, count: int) -> int:
    """Leave out the next `count` numbers of every series of this year (in January also of the last); gives how many series.

    A series of an earlier year whose like has none this year begins behind them too: what was given after a backup is not in it.
    """
    today = shanghai_today()
    years = {today.year, (today - timedelta(days=31)).year}
    skipped = 0
    for year in sorted(years):
        known = select(NumberSeries.authority_id, NumberSeries.word, literal(year), literal(count)).distinct()
        fresh = insert(NumberSeries).from_select(["authority_id", "word", "year", "last"], known)
        moved = fresh.on_conflict_do_update(
            index_elements=["authority_id", "word", "year"],
            set_={"last": NumberSeries.last + fresh.excluded.last},
        ).returning(NumberSeries.word)
        skipped += len((await session.execute(moved)).all())
    return skipped


def document_number(word: str, year: int, number: int) -> str:
    """As it is printed: 安应急责改〔2026〕15号 (GB/T 9704-2012: no leading zeros, no 第)."""
    return f"{word}〔{year}〕{number}号"
