"""Bringing in the groups and classes of GB/T 4754 from a table of codes and names: the whole classification or none of it."""

from dataclasses import dataclass
from uuid import UUID, uuid5

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.errors import InvalidProblem
from app.core.text import folded, normalized
from app.db.rows import insert_rows
from app.models.enterprises import TradeClass
from app.services.audit.service import record_act
from app.services.enterprises.spreadsheets import SheetRow, read_rows
from app.services.enterprises.trades import canonical_trade

_CLASSIFICATION = UUID("0b8a2b5e-7d0c-4f5e-9a44-7a1f0e3c6d10")
"""The one object behind the audit rows of the classification, by edition."""


class TradeTableProblem(InvalidProblem):
    """The table has no columns of codes and names, or rows that are no trade; nothing of it was taken."""

    code = "trade_table_refused"
    zh = "行业分类表无法导入：第 {row} 行有误"
    en = "The table of trades cannot be imported: row {row} is wrong"


@dataclass(frozen=True, slots=True)
class TradesLoaded:
    """What an import of the classification did."""

    added: int
    renamed: int
    removed: int
    unchanged: int


async def load_trades(session: AsyncSession, content: bytes, edition: str) -> TradesLoaded:
    """Replace the imported groups and classes by those of the table; divisions in it are passed over, they ship already."""
    wanted = _read(read_rows(content))
    known = {row.code: row for row in (await session.execute(select(TradeClass))).scalars()}
    new = [code for code in wanted if code not in known]
    gone = [code for code in known if code not in wanted]
    renamed = [
        code for code, name in wanted.items() if code in known and (known[code].name, known[code].edition) != (name, edition)
    ]  # fmt: skip
    await session.execute(delete(TradeClass).where(TradeClass.code.in_([*gone, *renamed])))
    rows = [{"code": code, "name": wanted[code], "edition": edition} for code in (*new, *renamed)]
    await insert_rows(session, (TradeClass, rows))
    loaded = TradesLoaded(len(new), len(renamed), len(gone), len(wanted) - len(new) - len(renamed))
    if new or renamed or gone:
        await record_act(
            session, SYSTEM, action="enterprises:load_trades", kind="trade_classification",
            object_id=uuid5(_CLASSIFICATION, edition), version=1, region_id=None, after=wanted,
            detail={"edition": edition, "added": len(new), "renamed": len(renamed), "removed": len(gone)},
        )  # fmt: skip
    return loaded


def _read(rows: list[SheetRow]) -> dict[str, str]:
    """Canonical code → name, of groups and classes only. Raises TradeTableProblem naming the row."""
    header = [folded(cell) for cell in rows[0].cells]
    code_at = next((n for n, cell in enumerate(header) if cell in ("代码", "行业代码", "code")), None)
    name_at = next(
        (n for n, cell in enumerate(header) if cell in ("名称", "类别名称", "行业名称", "name")), None
    )
    if code_at is None or name_at is None:
        raise TradeTableProblem(row=rows[0].number)
    found: dict[str, str] = {}
    for row in rows[1:]:
        cells = (*row.cells, *[""] * (max(code_at, name_at) + 1 - len(row.cells)))
        raw, name = cells[code_at], normalized(cells[name_at])
        if len(raw) == 1 and raw.isalpha():
            continue
        code, error = canonical_trade(raw)
        if error or not name or len(name) > 200 or found.get(code, name) != name:
            raise TradeTableProblem(row=row.number)
        if len(code) > 3:
            found[code] = name
    return found
