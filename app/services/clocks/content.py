"""The time limits of the law as shipped, by code and version. Read once, no database."""

from dataclasses import dataclass
from datetime import date
from functools import cache

from app.content.reading import read_content
from app.core.wording import Wording
from app.rules.clocks import ClockUnit


@dataclass(frozen=True, slots=True)
class SuspensionGround:
    """What lets a limit stand still (hearing, appraisal, announcement, referral, review), and by which rule."""

    ground: str
    basis: Wording
    to_be_confirmed: bool


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """A limit as the law has it; `amount` None: the law gives no number, and `set_by` tells who does. A number that an authority
    sets holds as it is here, to be confirmed, until it does.

    `whose`: whose time it is (authority, party, court, police). `meaning` earliest: not before it has passed, instead of by then.
    `extension`: how much more may be approved, in the same unit; None: nothing, 0: no bound is written.
    `extended_by_act`: whoever extends it does so by an act of the subject's own area (proposed by one, granted by another).
    `is_longest`: a document may state a shorter period in the same unit, never a longer one.
    `suspended_by`: the grounds on which days do not count.
    """

    code: str
    fact: str
    title: Wording
    starts: Wording
    amount: int | None
    unit: ClockUnit | None
    whose: str
    basis: Wording
    in_force_from: date
    set_by: str
    to_be_confirmed: bool
    meaning: str = "deadline"
    backwards: bool = False
    clear: bool = False
    extension: int | None = None
    extended_by_act: bool = False
    is_longest: bool = False
    suspended_by: tuple[SuspensionGround, ...] = ()


@cache
def time_limits() -> tuple[TimeLimit, ...]:
    """Every limit, every version, in the order of the content."""
    return tuple(
        TimeLimit(
            **one
            | {
                "title": Wording(**one["title"]),
                "starts": Wording(**one["starts"]),
                "basis": Wording(**one["basis"]),
                "unit": ClockUnit(one["unit"]) if one["unit"] else None,
                "in_force_from": date.fromisoformat(one["in_force_from"]),
                "suspended_by": tuple(
                    SuspensionGround(**ground | {"basis": Wording(**ground["basis"])})
                    for ground in one.get("suspended_by", ())
                ),
            }
        )
        for one in read_content("law/time_limits.yaml")
    )


def time_limit(code: str, on: date) -> TimeLimit:
    """The version of a limit in force on a day, or the oldest if the day was before them all. Raises KeyError."""
    versions = sorted((one for one in time_limits() if one.code == code), key=lambda one: one.in_force_from)
    if not versions:
        raise KeyError(code)
    return next((one for one in reversed(versions) if one.in_force_from <= on), versions[0])


def time_limits_on(on: date) -> list[TimeLimit]:
    """The limits in force on a day."""
    codes = dict.fromkeys(one.code for one in time_limits())
    found = [time_limit(code, on) for code in codes]
    return [one for one in found if one.in_force_from <= on]
