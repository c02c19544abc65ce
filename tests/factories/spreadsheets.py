"""Spreadsheets as people send them."""

import io
from typing import Any

import xlsxwriter

from app.services.enterprises.import_columns import COLUMNS

HEADER = [column.zh for column in COLUMNS]
FIELDS = [column.field for column in COLUMNS]


def line(**cells: Any) -> list[Any]:
    """One row of the template by fields."""
    assert set(cells) <= set(FIELDS)
    return [cells.get(name, "") for name in FIELDS]


def xlsx(*rows: list[Any], header: list[str] | None = None) -> bytes:
    """A workbook with the template's header."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet("单位")
    for number, row in enumerate([header or HEADER, *rows]):
        sheet.write_row(number, 0, row)
    book.close()
    return target.getvalue()


def csv_file(*rows: list[Any], encoding: str = "utf-8-sig", header: list[str] | None = None) -> bytes:
    """The same as CSV, without any quoting."""
    lines = [",".join(str(cell) for cell in row) for row in [header or HEADER, *rows]]
    return "\r\n".join(lines).encode(encoding)
