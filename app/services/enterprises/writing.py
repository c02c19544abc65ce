"""Writing spreadsheets: CSV piece by piece, XLSX row by row with constant memory. No cell is ever read back as a formula."""

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

BOM = b"\xef\xbb\xbf"
"""So that spreadsheet programs read the CSV as UTF-8."""
MAX_SHEET_ROWS = 1_000_000
"""A worksheet ends at 1,048,576 rows; what is longer goes on in a further sheet."""
GUARDED = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
"""Beginnings that a spreadsheet program takes for a formula, or skips to find one; wide forms count as narrow ones there."""


def csv_bytes(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as CSV (RFC 4180); text that a spreadsheet program would take for a formula gets an apostrophe before it."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerows([[_csv_cell(value) for value in row] for row in rows])
    return buffer.getvalue().encode()


def _csv_cell(value: Any) -> Any:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(GUARDED) else value


class XlsxFile:
    """A workbook on disk, written top to bottom. Text is written as text, never as a formula, a link or a number."""

    def __init__(self) -> None:
        handle, name = tempfile.mkstemp(suffix=".xlsx", prefix="anshao-")
        os.close(handle)
        self.path = Path(name)
        self._book = xlsxwriter.Workbook(name, {"constant_memory": True})
        self._bold = self._book.add_format({"bold": True})
        self._sheet: Any = None
        self._name, self._sheets = "", 0
        self._header: Sequence[str] = ()
        self._row = 0
        self._is_closed = False

    def begin_sheet(self, name: str, header: Sequence[str]) -> None:
        """A new sheet with a header that stays in view."""
        self._name, self._header, self._sheets = name, header, 1
        self._begin(name)

    def _begin(self, name: str) -> None:
        self._sheet = self._book.add_worksheet(name)
        self._sheet.set_column(0, len(self._header) - 1, 20)
        self._sheet.freeze_panes(1, 0)
        for column, label in enumerate(self._header):
            self._sheet.write_string(0, column, label, self._bold)
        self._row = 1

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Further rows of the sheet."""
        for row in rows:
            if self._row > MAX_SHEET_ROWS:
                self._sheets += 1
                self._begin(f"{self._name} {self._sheets}")
            for column, value in enumerate(row):
                if isinstance(value, int) and not isinstance(value, bool):
                    self._sheet.write_number(self._row, column, value)
                elif value not in (None, ""):
                    self._sheet.write_string(self._row, column, str(value))
            self._row += 1

    def close(self) -> Path:
        """Finish the file; the caller removes it after use."""
        self._book.close()
        self._is_closed = True
        return self.path

    def discard(self) -> None:
        """Remove the file, finished or not."""
        if not self._is_closed:
            self.close()
        self.path.unlink(missing_ok=True)


def whole_xlsx(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A small workbook of one sheet, as bytes."""
    file = XlsxFile()
    try:
        file.begin_sheet(name, header)
        file.add(rows)
        file.close()
        return file.path.read_bytes()
    finally:
        file.path.unlink(missing_ok=True)
