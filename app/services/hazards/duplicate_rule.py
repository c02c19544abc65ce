"""When two hazards look like one: the rule alone, pure. It only gives reasons; a person decides."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal
from uuid import UUID

from app.core.geo import metres_between
from app.core.text import bigrams, folded

Code = Literal["unit", "site", "near", "item", "clause", "text", "days"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Settings: days between the findings, metres between the places, percent of likeness of the words; all included."""

    days: int
    metres: int
    similarity: int


@dataclass(frozen=True)
class Found:
    """What is compared of a hazard. `place` in microdegrees of WGS-84; `clauses` confirmed or suspected.

    Its texts are prepared once, when they are first asked for, however many others it is compared with.
    """

    id: UUID
    enterprise_id: UUID
    site_id: UUID
    risk_unit_id: UUID | None
    package_id: UUID | None
    item_code: str | None
    clauses: frozenset[str]
    subject: str | None
    description: str
    found_on: date
    place: tuple[int, int] | None

    @cached_property
    def named(self) -> str | None:
        """The subject as it is compared."""
        return folded(self.subject or "") or None

    @cached_property
    def words(self) -> frozenset[str]:
        """The adjacent pairs of characters of the description."""
        return frozenset(bigrams(self.description))


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason; `value`: the item, the clause, the metres, the percent or the days."""

    code: Code
    value: str | int | None = None


def similarity(pairs: frozenset[str], others: frozenset[str]) -> int:
    """Percent of the adjacent pairs of characters that two texts share (Dice 1945)."""
    if not pairs or not others:
        return 0
    return 200 * len(pairs & others) // (len(pairs) + len(others))


def reasons_for(one: Found, other: Found, limits: Limits) -> tuple[Reason, ...]:
    """Why the two may be the same, where first; empty: no reason to ask anybody. The order of the two does not matter.

    Two findings of one package are two, and so are those of different units, subjects or checklist items.
    """
    days = abs((one.found_on - other.found_on).days)
    if _are_two(one, other) or days > limits.days:
        return ()
    where = _where(one, other, limits.metres)
    what = _what(one, other, limits.similarity) if where else []
    return (where, *what, Reason("days", days)) if where and what else ()


def _are_two(one: Found, other: Found) -> bool:
    return (
        one.id == other.id
        or one.enterprise_id != other.enterprise_id
        or _same(one.package_id, other.package_id)
        or _differ(one.risk_unit_id, other.risk_unit_id)
        or _differ(one.item_code, other.item_code)
        or _differ(one.named, other.named)
    )


def _where(one: Found, other: Found, most: int) -> Reason | None:
    """The same unit, the same site (unless they are known to lie too far apart), or two sites close to each other."""
    if _same(one.risk_unit_id, other.risk_unit_id):
        return Reason("unit")
    metres = round(metres_between(one.place, other.place)) if one.place and other.place else None
    if metres is not None and metres > most:
        return None
    if one.site_id == other.site_id:
        return Reason("site")
    return None if metres is None else Reason("near", metres)


def _what(one: Found, other: Found, least: int) -> list[Reason]:
    """The same item, a clause of both, or like words where no two items speak for themselves."""
    clauses = [Reason("clause", clause) for clause in sorted(one.clauses & other.clauses)]
    if _same(one.item_code, other.item_code):
        return [Reason("item", one.item_code), *clauses]
    likeness = similarity(one.words, other.words)
    return [*clauses, Reason("text", likeness)] if likeness >= least else clauses


def _same(one: object, other: object) -> bool:
    return one is not None and one == other


def _differ(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other
