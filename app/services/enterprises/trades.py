"""GB/T 4754: sections and divisions ship with the program, finer classes are imported. Codes carry their section: C3660."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.content.reading import read_content
from app.core.text import normalized
from app.enums.enterprises import FieldError
from app.models.enterprises import TradeClass
from app.schemas.enterprises import TradeView

_CODE = re.compile(r"([A-T]?)([0-9]{2,4})")


@dataclass(frozen=True, slots=True)
class Division:
    """A two-digit division: code with its section letter, names."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class TradeName:
    """The Chinese name of a code. `to_be_confirmed`: it ships with us and was not compared with the official print."""

    zh: str
    to_be_confirmed: bool


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = read_content("trades/divisions.yaml")
    return content


@cache
def divisions() -> Mapping[str, Division]:
    """The divisions by their two digits."""
    return {
        digits: Division(section["code"] + digits, name["zh"], name["en"])
        for section in _content()["sections"]
        for digits, name in section["divisions"].items()
    }


@cache
def sections() -> Mapping[str, tuple[str, str]]:
    """The sections by their letter: names in Chinese and English."""
    return {one["code"]: (one["name"]["zh"], one["name"]["en"]) for one in _content()["sections"]}


def shipped_to_be_confirmed() -> bool:
    """True while the sections and divisions that ship have not been compared with the official print."""
    return bool(_content()["to_be_confirmed"])


def canonical_trade(raw: str) -> tuple[str, FieldError | None]:
    """The code with its section letter (36 and c36 become C36), and what is wrong with it."""
    code = normalized(raw).upper().replace(" ", "")
    match = _CODE.fullmatch(code)
    if match is None:
        return code, FieldError.TRADE_FORMAT
    letter, digits = match.groups()
    division = divisions().get(digits[:2])
    if division is None:
        return code, FieldError.TRADE_DIVISION_UNKNOWN
    if letter and letter != division.code[0]:
        return code, FieldError.TRADE_SECTION_MISMATCH
    return division.code[0] + digits, None


def trade_prefix(raw: str) -> str:
    """What a filter by trade matches from the start: a section letter, or a code with its letter; as given when it is neither."""
    code = normalized(raw).upper()
    return code if len(code) == 1 else canonical_trade(code)[0]


async def unknown_classes(session: AsyncSession, codes: Iterable[str]) -> set[str]:
    """Those of the canonical codes finer than a division that the imported classes do not have; none when none are imported."""
    finer = {code for code in codes if len(code) > 3}
    if not finer or not (await session.execute(select(exists(select(TradeClass.code))))).scalar_one():
        return set()
    known = select(TradeClass.code).where(TradeClass.code.in_(finer))
    return finer - set((await session.execute(known)).scalars())


async def trade_names(session: AsyncSession, codes: Iterable[str | None]) -> dict[str, TradeName]:
    """The name of each code: its division's, or the imported class's; a finer code never imported has its division's."""
    wanted = {code for code in codes if code}
    unsure = shipped_to_be_confirmed()
    names = {
        code: TradeName(divisions()[code[1:3]].zh, unsure) for code in wanted if code[1:3] in divisions()
    }
    finer = {code for code in wanted if len(code) > 3}
    if finer:
        found = select(TradeClass.code, TradeClass.name).where(TradeClass.code.in_(finer))
        for code, name in await session.execute(found):
            names[code] = TradeName(name, to_be_confirmed=False)
    return names


async def list_trades(session: AsyncSession, under: str | None) -> list[TradeView]:
    """Sections; or the divisions of a section; or the imported classes below a division or group, at most 500."""
    unsure = shipped_to_be_confirmed()
    if not under:
        return [
            TradeView(code=code, zh=zh, en=en, to_be_confirmed=unsure)
            for code, (zh, en) in sections().items()
        ]
    prefix = trade_prefix(under)
    if len(prefix) == 1:
        below = [one for one in divisions().values() if one.code.startswith(prefix)]
        return [TradeView(code=one.code, zh=one.zh, en=one.en, to_be_confirmed=unsure) for one in below]
    wanted = (
        select(TradeClass)
        .where(TradeClass.code.startswith(prefix, autoescape=True))
        .order_by(TradeClass.code)
        .limit(500)
    )
    return [
        TradeView(code=row.code, zh=row.name, en=None, to_be_confirmed=False)
        for row in (await session.execute(wanted)).scalars()
    ]
