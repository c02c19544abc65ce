"""Reading a spreadsheet that somebody sends: XLSX or CSV, to rows of text. Nothing in the file is trusted.

An XLSX is unpacked here within limits and packed again, so that the reader meets only what was checked; a cell far out in an
empty sheet, which would make it reserve memory for everything between, is refused before. Formulas are never evaluated: the
value the file shows for them is read as text.
"""

import csv
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from xml.parsers import expat

from python_calamine import CalamineError, CalamineWorkbook

from app.core.errors import InvalidProblem
from app.services.enterprises.writing import GUARDED

MAX_BYTES = 8 * 1024 * 1024
MAX_UNPACKED_BYTES = 128 * 1024 * 1024
MAX_MEMBERS = 1_000
MAX_ROWS = 50_000
MAX_COLUMNS = 100
MAX_CELL_CHARACTERS = 32_767
_CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_ERROR_CELL = re.compile(rb'(<(?:\w+:)?c\b[^>]*?)\bt="e"')


class SpreadsheetProblem(InvalidProblem):
    """The file as a whole cannot be read; `reason` is stable."""

    code = "spreadsheet_refused"
    zh = "文件无法导入：{reason_zh}"
    en = "The file cannot be imported: {reason_en}"


_REASONS = {
    "empty": ("文件没有数据行", "it has no rows of data"),
    "too_large": ("文件超过上限（8 MB）", "it is larger than 8 MB"),
    "too_large_unpacked": ("文件解压后超过上限", "it unpacks to more than the limit"),
    "too_many_rows": (f"超过 {MAX_ROWS} 行", f"it has more than {MAX_ROWS} rows"),
    "too_many_columns": (f"超过 {MAX_COLUMNS} 列", f"it has more than {MAX_COLUMNS} columns"),
    "unreadable": ("不是有效的 XLSX 或 CSV 文件", "it is neither XLSX nor CSV"),
    "encoding": ("CSV 编码应为 UTF-8 或 GB18030", "a CSV must be in UTF-8 or GB18030"),
}


def refused(reason: str) -> SpreadsheetProblem:
    """The problem for a reason."""
    zh, en = _REASONS[reason]
    return SpreadsheetProblem(reason=reason, reason_zh=zh, reason_en=en)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row as the spreadsheet counts it, from 1; cells are text, empty ones ""."""

    number: int
    cells: tuple[str, ...]


def read_rows(content: bytes) -> list[SheetRow]:
    """Every row that holds anything, the header included. Raises SpreadsheetProblem."""
    if len(content) > MAX_BYTES:
        raise refused("too_large")
    raw = _xlsx_rows(content) if content.startswith(b"PK\x03\x04") else _csv_rows(content)
    rows = []
    for number, cells in enumerate(raw, start=1):
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) > MAX_COLUMNS:
            raise refused("too_many_columns")
        if cells:
            rows.append(SheetRow(number, tuple(cells)))
        if len(rows) > MAX_ROWS + 1:
            raise refused("too_many_rows")
    if len(rows) < 2:
        raise refused("empty")
    return rows


def _csv_rows(content: bytes) -> Any:
    text = _decoded(content)
    first_line = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=first_line.count)
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            yield [_without_guard(cell.strip()) for cell in cells]
    except csv.Error as error:
        raise refused("unreadable") from error


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refused("encoding")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise refused("encoding")


def _without_guard(cell: str) -> str:
    """Undo the apostrophe that keeps a spreadsheet program from reading a CSV cell as a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in GUARDED else cell


def _xlsx_rows(content: bytes) -> list[list[str]]:
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(_repacked(content)))
        values = workbook.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (
        CalamineError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        EOFError,
    ) as error:
        raise refused("unreadable") from error
    except (expat.ExpatError, OSError, ValueError, IndexError) as error:
        raise refused("unreadable") from error
    return [[_text(value) for value in row] for row in values]


def _repacked(content: bytes) -> bytes:
    """The same archive, unpacked within limits, its worksheets looked through, and packed without compression."""
    target = io.BytesIO()
    left = MAX_UNPACKED_BYTES
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w") as packed:
        members = source.infolist()
        if len(members) > MAX_MEMBERS or sum(one.file_size for one in members) > left:
            raise refused("too_large_unpacked")
        for member in members:
            with source.open(member) as stream:
                data = stream.read(left + 1)
            left -= len(data)
            if left < 0:
                raise refused("too_large_unpacked")
            if member.filename.lower().startswith("xl/worksheets/") and member.filename.endswith(".xml"):
                _check_extent(data)
                data = _ERROR_CELL.sub(rb'\1t="str"', data)  # else the reader shows an error value as nothing
            packed.writestr(member.filename, data)
    return target.getvalue()


def _check_extent(worksheet: bytes) -> None:
    """Refuse a worksheet with a filled cell beyond the limits, or with a document type (entities)."""
    parser = expat.ParserCreate()
    place: list[str] = [""]

    def start(name: str, attributes: dict[str, str]) -> None:
        tag = name.rsplit(":", 1)[-1]
        if tag == "c":
            place[0] = attributes.get("r", "")
        elif tag in ("v", "is", "f") and (match := _CELL.fullmatch(place[0])):
            letters, row = match.groups()
            column = 0
            for letter in letters:
                column = column * 26 + ord(letter) - 64
            if column > MAX_COLUMNS:
                raise refused("too_many_columns")
            if int(row) > 2 * MAX_ROWS:
                raise refused("too_many_rows")

    def refuse_document_type(*_: Any) -> None:
        raise refused("unreadable")

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse_document_type
    parser.Parse(worksheet, True)


def _text(value: Any) -> str:
    """A cell as text: whole numbers without a point, days as dates."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()
