"""The columns of an import: how their headers are called, what their cells may hold, and a row read by them. Pure.

An empty cell says nothing: at an update the field stays as it is.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from app.core.text import folded
from app.core.uscc import check_uscc
from app.enums.enterprises import EnterpriseSize, FieldError, RegulatedTrade, RiskGrade
from app.enums.labels import LabelledEnum
from app.services.enterprises.spreadsheets import SheetRow, SpreadsheetProblem
from app.services.enterprises.trades import canonical_trade

Parsed = tuple[Any, FieldError | None]
_SEPARATORS = re.compile("[、，,；;]")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the field it fills, its headers, what may stand in it, how a cell is read."""

    field: str
    zh: str
    en: str
    note_zh: str
    read: Callable[[str], Parsed]
    is_required: bool = False


@dataclass(slots=True)
class ImportRow:
    """One row as read: its key, the fields it fills, where it belongs, and what is wrong with it."""

    number: int
    values: dict[str, Any] = field(default_factory=dict)
    errors: list[tuple[str, FieldError]] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str] | None:
        """("uscc", code) or ("substitute_mark", mark); None when there is none."""
        for name in ("uscc", "substitute_mark"):
            if self.values.get(name):
                return name, self.values[name]
        return None


def _line(longest: int) -> Callable[[str], Parsed]:
    def read(cell: str) -> Parsed:
        text = unicodedata.normalize("NFC", cell).strip()
        if any(unicodedata.category(one) in ("Cc", "Cs") for one in text):
            return None, FieldError.BAD_CHARACTER
        return (None, FieldError.TOO_LONG) if len(text) > longest else (text, None)

    return read


def _uscc(cell: str) -> Parsed:
    checked = check_uscc(cell)
    return checked.code, FieldError(f"uscc_{checked.error}") if checked.error else None


def _whole(highest: int) -> Callable[[str], Parsed]:
    def read(cell: str) -> Parsed:
        amount, error = _decimal(cell)
        if error or amount is None or amount != amount.to_integral_value():
            return None, error or FieldError.NOT_A_NUMBER
        return (int(amount), None) if 0 <= amount <= highest else (None, FieldError.OUT_OF_RANGE)

    return read


def _fen(cell: str) -> Parsed:
    """Yuan, with at most two decimals, as fen."""
    yuan, error = _decimal(cell)
    if error or yuan is None:
        return None, error or FieldError.NOT_A_NUMBER
    fen = yuan * 100
    if fen != fen.to_integral_value():
        return None, FieldError.NOT_A_NUMBER
    return (int(fen), None) if 0 <= fen <= 10**15 else (None, FieldError.OUT_OF_RANGE)


def _decimal(cell: str) -> tuple[Decimal | None, FieldError | None]:
    try:
        value = Decimal(unicodedata.normalize("NFKC", cell).replace(",", "").replace(" ", ""))
    except InvalidOperation:
        return None, FieldError.NOT_A_NUMBER
    if not value.is_finite():
        return None, FieldError.NOT_A_NUMBER
    return (value, None) if abs(value) < Decimal(10) ** 18 else (None, FieldError.OUT_OF_RANGE)


def _option(kind: type[LabelledEnum]) -> Callable[[str], Parsed]:
    """Any of value, Chinese or English label, with or without what stands in brackets."""
    known: dict[str, str] = {}
    for one in kind:
        for label in (one.value, one.zh, one.en, one.zh.split("（")[0], one.en.split(" (")[0]):
            known[folded(label)] = one.value

    def read(cell: str) -> Parsed:
        found = known.get(folded(cell))
        return found, None if found else FieldError.UNKNOWN_OPTION

    return read


def _trades(cell: str) -> Parsed:
    read = _option(RegulatedTrade)
    parts = [part for part in _SEPARATORS.split(cell) if part.strip()]
    found = [read(part) for part in parts]
    error = next((error for _, error in found if error), None)
    return (None, error) if error else (sorted({value for value, _ in found}), None)


def _yes_no(cell: str) -> Parsed:
    known = {
        "是": True,
        "否": False,
        "yes": True,
        "no": False,
        "true": True,
        "false": False,
        "1": True,
        "0": False,
    }
    answer = known.get(folded(cell))
    return answer, FieldError.UNKNOWN_OPTION if answer is None else None


def _labels(kind: type[LabelledEnum]) -> str:
    return "、".join(one.zh for one in kind)


COLUMNS: tuple[Column, ...] = (
    Column("uscc", "统一社会信用代码", "Credit code", "18位；无照单位留空并填写替代标识", _uscc),
    Column("substitute_mark", "替代标识", "Substitute mark", "无照单位的标识；再次导入以此识别", _line(40)),
    Column("name", "单位名称", "Name", "必填", _line(200), is_required=True),
    Column("region_code", "区划代码", "Region code", "必填；所在区划的代码", _line(40), is_required=True),
    Column("address", "地址", "Address", "", _line(300)),
    Column("trade_code", "行业代码", "Trade code", "GB/T 4754，如 C36、C3660", canonical_trade),
    Column(
        "regulated_trades",
        "监管行业",
        "Regulated trades",
        f"可多项，用顿号分隔：{_labels(RegulatedTrade)}",
        _trades,
    ),
    Column("size", "规模", "Size", _labels(EnterpriseSize), _option(EnterpriseSize)),
    Column("annual_output_fen", "年产值（元）", "Annual output (yuan)", "元，最多两位小数", _fen),
    Column("employees", "从业人数", "Employees", "整数", _whole(10_000_000)),
    Column("is_labour_intensive", "劳动密集型", "Labour-intensive", "是、否", _yes_no),
    Column("risk_grade", "风险等级", "Risk grade", _labels(RiskGrade), _option(RiskGrade)),
    Column(
        "parent_uscc",
        "上级统一社会信用代码",
        "Parent's credit code",
        "分支机构填写；上级须已登记或在本文件中",
        _uscc,
    ),
)
BY_FIELD: Mapping[str, Column] = {column.field: column for column in COLUMNS}
IGNORED: tuple[tuple[str, str], ...] = (
    ("序号", "No."),
    ("备注", "Remarks"),
    ("状态", "Status"),
    ("联系人", "Contact"),
    ("联系电话", "Telephone"),
    ("更新时间", "Updated at"),
)
"""Headers that may stand in a file and fill nothing: those of the export, and what people add for themselves."""

ERROR_VALUES = frozenset(
    {"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!"}
)


def read_import(rows: Sequence[SheetRow]) -> list[ImportRow]:
    """The rows below the header, keys told apart within the file. Raises SpreadsheetProblem for a header that cannot be used."""
    columns = _columns_of(rows[0])
    read = [_read_row(row, columns) for row in rows[1:]]
    seen: set[tuple[str, str]] = set()
    for row in read:
        if row.key is None:
            continue
        if row.key in seen:
            row.errors.append((row.key[0], FieldError.KEY_DUPLICATE))
        seen.add(row.key)
    return read


def in_order(rows: Sequence[ImportRow]) -> tuple[list[ImportRow], int]:
    """Parents before branches, and how many rows have no parent: the order in which rows are processed, always the same."""
    heads = [row for row in rows if "parent_uscc" not in row.values]
    return heads + [row for row in rows if "parent_uscc" in row.values], len(heads)


def _columns_of(header: SheetRow) -> list[Column | None]:
    known: dict[str, Column | None] = {folded(label): None for pair in IGNORED for label in pair}
    for column in COLUMNS:
        known |= {folded(label): column for label in (column.zh, column.en, column.field)}
    found: list[Column | None] = []
    for cell in header.cells:
        label = folded(cell.strip("*＊ "))
        if label and label not in known:
            raise SpreadsheetProblem(
                reason="unknown_column",
                reason_zh=f"无法识别的列“{cell[:50]}”",
                reason_en=f"the column “{cell[:50]}” is unknown",
            )
        found.append(known[label] if label else None)
    fields = [column.field for column in found if column]
    if len(set(fields)) < len(fields):
        raise SpreadsheetProblem(
            reason="repeated_column", reason_zh="同一列出现多次", reason_en="a column appears twice"
        )
    if not {"uscc", "substitute_mark"} & set(fields):
        raise SpreadsheetProblem(
            reason="key_column_missing",
            reason_zh="缺少“统一社会信用代码”或“替代标识”列",
            reason_en="it has neither a column of credit codes nor one of substitute marks",
        )
    return found


def _read_row(row: SheetRow, columns: Sequence[Column | None]) -> ImportRow:
    result = ImportRow(row.number)
    for cell, column in zip(row.cells, columns, strict=False):
        if column is None or not cell:
            continue
        value, error = (None, FieldError.UNREADABLE_CELL) if cell in ERROR_VALUES else column.read(cell)
        if error is not None:
            result.errors.append((column.field, error))
        if value is not None and (error is None or column.field in ("uscc", "parent_uscc")):
            result.values[column.field] = value
    given = [name for name in ("uscc", "substitute_mark") if result.values.get(name)]
    wrong = {name for name, _ in result.errors}
    if not given and not wrong & {"uscc", "substitute_mark"}:
        result.errors.append(("uscc", FieldError.KEY_MISSING))
    if len(given) == 2:
        result.errors.append(("substitute_mark", FieldError.KEY_TWICE))
    return result
