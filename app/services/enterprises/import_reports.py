"""What people download around an import: the empty template, and the errors of one, row by row."""

from collections.abc import AsyncIterator
from uuid import UUID

import anyio

from app.core.actor import Actor
from app.core.paging import PageRequest
from app.db.session import Database
from app.enums.enterprises import FieldError
from app.models.enterprises import EnterpriseImportError
from app.services.enterprises.import_columns import BY_FIELD, COLUMNS
from app.services.enterprises.importing import list_errors
from app.services.enterprises.writing import BOM, XlsxFile, csv_bytes, whole_xlsx

HEADER = ("行号 Row", "列 Column", "代码 Code", "问题", "Problem")
PAGE = 2_000


def template_csv() -> bytes:
    """The header alone."""
    return BOM + csv_bytes([[column.zh for column in COLUMNS]])


def template_xlsx() -> bytes:
    """The header, and a second sheet that says what goes where."""
    file = XlsxFile()
    try:
        file.begin_sheet("单位", [column.zh for column in COLUMNS])
        file.begin_sheet("填写说明", ["列", "Column", "说明"])
        file.add((column.zh, column.en, column.note_zh) for column in COLUMNS)
        file.add(
            [
                (
                    "",
                    "",
                    "更新时空白单元格保持原值；以统一社会信用代码或替代标识识别单位，重复导入不产生重复记录。",
                )
            ]
        )
        file.close()
        return file.path.read_bytes()
    finally:
        file.path.unlink(missing_ok=True)


def column_label(name: str | None) -> str | None:
    """How the column of an error is called in Chinese."""
    return BY_FIELD[name].zh if name and name in BY_FIELD else name


async def errors_csv(database: Database, actor: Actor, import_id: UUID) -> AsyncIterator[bytes]:
    """The errors as CSV, page by page; no transaction is held between the pages."""
    yield BOM + csv_bytes([HEADER])
    async for page in _pages(database, actor, import_id):
        yield csv_bytes([_line(error) for error in page])


async def errors_xlsx(database: Database, actor: Actor, import_id: UUID) -> bytes:
    """The errors as a workbook."""
    lines = [_line(error) async for page in _pages(database, actor, import_id) for error in page]
    return await anyio.to_thread.run_sync(lambda: whole_xlsx("错误", HEADER, lines))


async def _pages(
    database: Database, actor: Actor, import_id: UUID
) -> AsyncIterator[list[EnterpriseImportError]]:
    after = None
    while True:
        async with database.read() as session:
            page = await list_errors(session, actor, import_id, PageRequest(PAGE, after))
        yield list(page.items)
        after = page.next_key
        if after is None:
            return


def _line(error: EnterpriseImportError) -> tuple[int, str, str, str, str]:
    said = FieldError(error.code)
    return error.row, column_label(error.column) or "", error.code, said.zh, said.en
