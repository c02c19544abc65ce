"""The score: whole numbers from counted facts and weights, nothing else. The same facts give the same score, whoever asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from app.services.risks.content import PartWeight, Weights

YEAR_DAYS = 365
"""Over which the inspections of a year are spread; in a leap year, and whatever came before, the count itself keeps the ceiling."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one kind of fact adds."""

    weight: PartWeight
    count: int

    @property
    def points(self) -> int:
        """Count times weight, up to the cap."""
        return min(self.count * self.weight.weight, self.weight.cap)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A planned inspection every so many days, by the score or the grade, whichever asks for more (`wanted_days`), or as often as
    the yearly ceiling allows. `by` the ceiling: it makes the interval longer, or has put off `next_on`. `next_on` None: at once."""

    interval_days: int
    wanted_days: int
    by: Literal["score", "grade", "ceiling"]
    ceiling: int
    next_on: date | None


def parts_of(facts: Mapping[str, int], weights: Weights) -> list[Part]:
    """Each part of the score; `facts` has a count for the code of every part. Raises KeyError."""
    return [Part(weight, facts[weight.code]) for weight in weights.parts]


def total_of(parts: list[Part]) -> int:
    """The score."""
    return sum(part.points for part in parts)


def suggest(
    score: int, grade: str | None, last_visit_on: date | None, inspected: int, today: date, weights: Weights
) -> Suggestion:
    """How often to inspect by plan, and when next; `inspected`: the inspections of this calendar year that the ceiling counts."""
    by_score = next(one.interval_days for one in reversed(weights.bands) if one.score_from <= score)
    by_grade = weights.grades.get(grade or "", by_score)
    wanted = min(by_score, by_grade)
    ceiling = weights.ceiling.of(grade)
    spaced = -(-YEAR_DAYS // ceiling)
    by: Literal["score", "grade", "ceiling"] = "grade" if by_grade < by_score else "score"
    days = max(wanted, spaced)
    if spaced > wanted:
        by = "ceiling"
    next_on = last_visit_on + timedelta(days=days) if last_visit_on else None
    new_year = date(today.year + 1, 1, 1)
    if inspected >= ceiling and (next_on is None or next_on < new_year):
        by, next_on = "ceiling", new_year
    return Suggestion(days, wanted, by, ceiling, next_on)
