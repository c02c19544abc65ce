"""The risk of an enterprise on the wire: for its supervisors alone, never for the enterprise or a partner."""

from datetime import date
from typing import Literal
from uuid import UUID

from app.schemas.common import View
from app.schemas.hazards import RecurrenceView


class LevelStanding(View):
    """Hazards of a level that are not closed, and how many of them are overdue.

    `aggravated`: those still to be rectified that a re-inspection found worse than they were.
    """

    level: Literal["major", "general"]
    open: int
    overdue: int
    aggravated: int


class ReturnView(RecurrenceView):
    """A hazard that came back (`hazard_id`, `number`) with the closed one it is the return of, for whoever may read that."""

    hazard_id: UUID
    number: str
    found_on: date
    earlier_id: UUID | None
    earlier_number: str | None


class VisitSeen(View):
    """One of the officers' last visits."""

    id: UUID
    site_id: UUID
    kind: str
    visited_on: date


class WhistleSeen(View):
    """A whistle that nobody has answered yet."""

    id: UUID
    site_id: UUID
    urgency: str
    status: str
    raised_on: date


class ScorePart(View):
    """What one kind of fact adds: count x weight, at most cap."""

    code: str
    zh: str
    en: str
    count: int
    weight: int
    cap: int
    points: int


class RiskScore(View):
    """The sum of the parts by the weights of a version. `to_be_confirmed`: the authority has not confirmed these numbers."""

    value: int
    version: str
    in_force_from: date
    to_be_confirmed: bool
    source_zh: str
    source_en: str
    parts: list[ScorePart]


class VisitCeiling(View):
    """The most planned inspections of an enterprise in a calendar year, and its inspections of this one in all regions.

    `inspected` counts every inspection that is no re-inspection, since it is not recorded which others were individual cases.
    `uncounted`: which cases the ceiling does not limit, and that those among the counted ones are for a person to take off.
    """

    per_year: int
    inspected: int
    is_reached: bool
    to_be_confirmed: bool
    source_zh: str
    source_en: str
    uncounted_zh: str
    uncounted_en: str


class VisitSuggestion(View):
    """How often to inspect by plan; `next_on` null: at once. No order, a suggestion.

    By the score or the grade, whichever asks for more (`wanted_days`), but no oftener than the yearly ceiling allows; `by` names
    the ceiling where it makes the interval longer or puts off `next_on`. Individual cases are not planned: they go on all the same.
    """

    interval_days: int
    wanted_days: int
    by: Literal["score", "grade", "ceiling"]
    last_visit_on: date | None
    next_on: date | None
    is_due: bool
    to_be_confirmed: bool
    ceiling: VisitCeiling


class RiskPicture(View):
    """What is known of an enterprise in the caller's regions today. Lists hold the newest; `came_back` and `whistles` count all.

    Of other regions it knows one number: the inspections that the ceiling is compared with.
    """

    enterprise_id: UUID
    name: str
    risk_grade: str | None
    as_of: date
    hazards: list[LevelStanding]
    came_back: int
    returns: list[ReturnView]
    whistles: int
    open_whistles: list[WhistleSeen]
    visits: list[VisitSeen]
    score: RiskScore
    suggestion: VisitSuggestion
