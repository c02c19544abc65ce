"""Exports of enterprises: CSV as a stream, XLSX by way of a file; contacts masked; written down before the first row leaves."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import anyio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.ids import new_id
from app.core.masking import masked_name, masked_phone
from app.core.paging import PageRequest
from app.db.session import Database
from app.enums.enterprises import EnterpriseSize, RegulatedTrade, RiskGrade
from app.models.enterprises import Enterprise
from app.models.organizations import Region
from app.services.audit.service import record_access
from app.services.enterprises.contacts import contacts_of
from app.services.enterprises.import_columns import COLUMNS
from app.services.enterprises.repository import EnterpriseFilter, list_enterprises
from app.services.enterprises.writing import BOM, XlsxFile, csv_bytes
from app.services.identity.places import topmost

PAGE = 1_000
HEADER = (*(column.zh for column in COLUMNS), "状态", "联系人", "联系电话", "更新时间")
"""The columns of an import, so that an export can be corrected and imported again, and four that an import ignores."""


async def record_export(
    session: AsyncSession, actor: Actor, narrowed: EnterpriseFilter, file_format: str
) -> None:
    """Write down who exports what. `detail` names the filters; of their values only those that cannot be personal."""
    given = {name: getattr(narrowed, name) for name in EnterpriseFilter.__dataclass_fields__}
    used = {name: value for name, value in given.items() if value is not None}
    shown = {name: "…" if name in ("name", "mark", "uscc") else str(value) for name, value in used.items()}
    await record_access(
        session,
        actor,
        action="enterprises:export",
        kind="enterprise_export",
        object_id=new_id(),
        region_id=narrowed.region_id or await topmost(session, actor.regions_for("enterprises:export")),
        detail={"format": file_format, "filters": shown},
    )


async def export_csv(database: Database, actor: Actor, narrowed: EnterpriseFilter) -> AsyncIterator[bytes]:
    """The header, then page by page; each page is read in a short transaction of its own, none is open while the reader is slow."""
    yield BOM + csv_bytes([HEADER])
    async for rows in _pages(database, actor, narrowed):
        yield csv_bytes(rows)


async def export_xlsx(database: Database, actor: Actor, narrowed: EnterpriseFilter) -> XlsxFile:
    """A finished workbook on disk; the caller sends it and removes it."""
    file = XlsxFile()
    try:
        file.begin_sheet("单位", HEADER)
        async for rows in _pages(database, actor, narrowed):
            await anyio.to_thread.run_sync(file.add, rows)
        await anyio.to_thread.run_sync(file.close)
    except BaseException:
        file.discard()
        raise
    return file


async def _pages(
    database: Database, actor: Actor, narrowed: EnterpriseFilter
) -> AsyncIterator[list[Sequence[Any]]]:
    after = None
    while True:
        async with database.read() as session:
            page = await list_enterprises(
                session, actor, PageRequest(PAGE, after), narrowed, "enterprises:export"
            )
            rows = await _lines(session, page.items)
        yield rows
        after = page.next_key
        if after is None:
            return


async def _lines(session: AsyncSession, enterprises: Sequence[Enterprise]) -> list[Sequence[Any]]:
    """One page: three statements whatever the number of rows."""
    regions = select(Region).where(Region.id.in_({one.region_id for one in enterprises}))
    codes = {one.id: one.code for one in (await session.execute(regions)).scalars()}
    heads = select(Enterprise.id, Enterprise.uscc).where(
        Enterprise.id.in_({one.parent_id for one in enterprises if one.parent_id})
    )
    parents: dict[UUID, str | None] = {row.id: row.uscc for row in await session.execute(heads)}
    first: dict[UUID, Any] = {}
    for contact in await contacts_of(session, [one.id for one in enterprises]):
        first.setdefault(contact.enterprise_id, contact)
    return [_line(one, codes[one.region_id], parents, first.get(one.id)) for one in enterprises]


def _line(one: Enterprise, region_code: str, parents: dict[UUID, str | None], contact: Any) -> Sequence[Any]:
    fen = one.annual_output_fen
    return (
        one.uscc,
        one.substitute_mark,
        one.name,
        region_code,
        one.address,
        one.trade_code,
        "、".join(_label(RegulatedTrade, trade) for trade in one.regulated_trades),
        _label(EnterpriseSize, one.size),
        None if fen is None else f"{fen // 100}.{fen % 100:02}",
        one.employees,
        "是" if one.is_labour_intensive else "否",
        _label(RiskGrade, one.risk_grade),
        parents.get(one.parent_id) if one.parent_id else None,
        "正常" if one.is_active else "停用",
        masked_name(contact.name) if contact else None,
        masked_phone(contact.phone) if contact and contact.phone else None,
        one.updated_at.isoformat(timespec="seconds"),
    )


def _label(kind: type[RegulatedTrade | EnterpriseSize | RiskGrade], value: str | None) -> str:
    """The Chinese label; a value that is none of the vocabulary stands for itself."""
    if value is None:
        return ""
    return next((one.zh for one in kind if one.value == value), value)
