"""Enterprises on the wire."""

import unicodedata
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from app.enums.enterprises import EnterpriseSize, RegulatedTrade, RiskGrade
from app.schemas.common import View, Wire


def clean_line(text: str) -> str:
    """One line as it is kept: NFC, trimmed. Raises ValueError for control characters and for nothing at all."""
    line = unicodedata.normalize("NFC", text).strip()
    if any(unicodedata.category(one) in ("Cc", "Cs") for one in line):
        raise ValueError("control characters are not allowed")
    if not line:
        raise ValueError("empty")
    return line


Name = Annotated[str, Field(max_length=200), AfterValidator(clean_line)]
Address = Annotated[str, Field(max_length=300), AfterValidator(clean_line)]
Reason = Annotated[str, Field(max_length=500), AfterValidator(clean_line)]
Code = Annotated[str, Field(max_length=40), AfterValidator(clean_line)]
Fen = Annotated[int, Field(ge=0, le=10**15)]
"""An amount in fen; up to ten trillion yuan, so that every JSON reader keeps it exact."""
Employees = Annotated[int, Field(ge=0, le=10_000_000)]


def _each_once(trades: list[RegulatedTrade]) -> list[RegulatedTrade]:
    return sorted(set(trades))


Trades = Annotated[list[RegulatedTrade], Field(max_length=len(RegulatedTrade)), AfterValidator(_each_once)]


class EnterpriseRequest(Wire):
    """A new enterprise; without `uscc` it is unlicensed, and a substitute mark is given to it."""

    model_config = ConfigDict(extra="forbid", use_enum_values=True)

    uscc: Code | None = None
    name: Name
    region_id: UUID
    parent_id: UUID | None = None
    address: Address | None = None
    trade_code: Code | None = None
    regulated_trades: Trades = Field(default_factory=list)
    size: EnterpriseSize | None = None
    annual_output_fen: Fen | None = None
    employees: Employees | None = None
    is_labour_intensive: bool = False
    risk_grade: RiskGrade | None = None


class EnterpriseChange(Wire):
    """What to change: members left out stay as they are, null clears (where that is possible)."""

    model_config = ConfigDict(extra="forbid", use_enum_values=True)

    uscc: Code = ""
    name: Name = ""
    region_id: UUID = UUID(int=0)
    parent_id: UUID | None = None
    address: Address | None = None
    trade_code: Code | None = None
    regulated_trades: Trades = Field(default_factory=list)
    size: EnterpriseSize | None = None
    annual_output_fen: Fen | None = None
    employees: Employees | None = None
    is_labour_intensive: bool = False
    risk_grade: RiskGrade | None = None


class ActivityRequest(Wire):
    """Why an enterprise is taken out or brought back."""

    reason: Reason


class EnterpriseView(View):
    """One enterprise. `uscc_body_differs`: the inner check digit (GB 11714) of a historic code differs; a remark, no error.

    `trade_to_be_confirmed`: the name of the trade was not compared with the official print of GB/T 4754.
    """

    id: UUID
    version: int
    uscc: str | None
    uscc_body_differs: bool
    substitute_mark: str | None
    name: str
    parent_id: UUID | None
    region_id: UUID
    address: str | None
    trade_code: str | None
    trade_name: str | None
    trade_to_be_confirmed: bool
    regulated_trades: list[str]
    size: str | None
    annual_output_fen: int | None
    employees: int | None
    is_labour_intensive: bool
    risk_grade: str | None
    is_active: bool
    created_at: datetime
    updated_at: datetime


class TradeView(View):
    """One entry of the classification: a section (C), a division (C36), or an imported class.

    `to_be_confirmed`: it ships with the program and was not compared with the official print.
    """

    code: str
    zh: str
    en: str | None
    to_be_confirmed: bool


class OptionView(View):
    """One value of a vocabulary with its labels."""

    value: str
    zh: str
    en: str


class VocabularyView(View):
    """Everything a form about enterprises offers for choice."""

    regulated_trades: list[OptionView]
    sizes: list[OptionView]
    risk_grades: list[OptionView]
    risk_unit_kinds: list[OptionView]
    link_roles: list[OptionView]
    datums: list[OptionView]
