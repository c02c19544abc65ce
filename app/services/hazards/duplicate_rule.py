"""When two hazards look like one: the rule alone, pure. It only gives reasons; a person decides."""

from dataclasses import dataclass
from datetime import date
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


@dataclass(frozen=True, slots=True)
class Found:
    """What is compared of a hazard. `place` in microdegrees of WGS-84; `clauses` confirmed or suspected."""

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


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason; `value`: the item, the clause, the metres, the percent or the days."""

    code: Code
    value: str | int | None = None


def similarity(one: str, other: str) -> int:
    """Percent of the adjacent pairs of characters that two texts share (Dice 1945), whatever their case, width and spaces."""
    pairs, others = set(bigrams(one)), set(bigrams(other))
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
    where, what = _where(one, other, limits.metres), _what(one, other, limits.similarity)
    return (where, *what, Reason("days", days)) if where and what else ()


def _are_two(one: Found, other: Found) -> bool:
    return (
        one.id == other.id
        or one.enterprise_id != other.enterprise_id
        or _same(one.package_id, other.package_id)
        or _differ(one.risk_unit_id, other.risk_unit_id)
        or _differ(one.item_code, other.item_code)
        or _differ(folded(one.subject or "") or None, folded(other.subject or "") or None)
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
    found: list[Reason] = []
    if _same(one.item_code, other.item_code):
        found.append(Reason("item", one.item_code))
    found += [Reason("clause", clause) for clause in sorted(one.clauses & other.clauses)]
    likeness = similarity(one.description, other.description)
    if not _same(one.item_code, other.item_code) and likeness >= least:
        found.append(Reason("text", likeness))
    return found


def _same(one: object, other: object) -> bool:
    return one is not None and one == other


def _differ(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other
