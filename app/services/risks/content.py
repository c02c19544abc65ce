"""The weights of the score as shipped, by version. Read once, no database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from app.content.reading import read_content
from app.core.wording import Wording


@dataclass(frozen=True, slots=True)
class PartWeight:
    """What one kind of fact is worth: count x `weight`, at most `cap`."""

    code: str
    weight: int
    cap: int
    title: Wording


@dataclass(frozen=True, slots=True)
class Band:
    """From this score on, a visit every so many days."""

    score_from: int
    interval_days: int


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most planned inspections of an enterprise in a calendar year; `uncounted`: what is not limited, and what is counted."""

    grades: Mapping[str, int]
    ungraded: int
    to_be_confirmed: bool
    source: Wording
    uncounted: Wording

    def of(self, grade: str | None) -> int:
        """For an enterprise of that grade."""
        return self.grades.get(grade or "", self.ungraded)


@dataclass(frozen=True, slots=True)
class Weights:
    """One version. `grades`: the interval by the colour of graded risk control; `recent_days`: how long a return counts."""

    version: str
    in_force_from: date
    to_be_confirmed: bool
    source: Wording
    recent_days: int
    parts: tuple[PartWeight, ...]
    bands: tuple[Band, ...]
    grades: Mapping[str, int]
    ceiling: Ceiling


@cache
def all_weights() -> tuple[Weights, ...]:
    """Every version, the oldest first."""
    found = [_weights(one) for one in read_content("law/risk_score.yaml")]
    return tuple(sorted(found, key=lambda one: one.in_force_from))


def weights_on(day: date) -> Weights:
    """The version in force on a day; the oldest before them all."""
    versions = all_weights()
    return next((one for one in reversed(versions) if one.in_force_from <= day), versions[0])


def _weights(one: dict[str, Any]) -> Weights:
    return Weights(
        version=one["version"],
        in_force_from=date.fromisoformat(one["in_force_from"]),
        to_be_confirmed=one["to_be_confirmed"],
        source=Wording(**one["source"]),
        recent_days=one["recent_days"],
        parts=tuple(PartWeight(**{**part, "title": Wording(**part["title"])}) for part in one["parts"]),
        bands=tuple(Band(band["from"], band["interval_days"]) for band in one["bands"]),
        grades=one["grades"],
        ceiling=Ceiling(
            **one["ceiling"] | {name: Wording(**one["ceiling"][name]) for name in ("source", "uncounted")}
        ),
    )
