"""The states of a hazard and what leads from one to the next, as data. Overdue is no state: it is computed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from app.enums.hazards import ReinspectionOutcome


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed step: the action's name, from which states, to which, the permission it takes, the article that allows it.

    `starts`, `ends`: time limits (content/law/time_limits.yaml); an order starts its own, with the period it states. `reopens`:
    what runs on to the end it had, because what ended it did not hold.
    """

    action: str
    sources: frozenset[str]
    target: str
    permission: str
    article: str
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    reopens: tuple[str, ...] = ()


TRANSITIONS: dict[str, Transition] = {
    one.action: one
    for one in (
        Transition(
            "order",
            frozenset({"found", "ordered", "reinspected"}),
            "ordered",
            "hazards:order",
            "安全生产法 65(1)(二)、(三)",
        ),
        Transition(
            "report_rectified",
            frozenset({"ordered"}),
            "rectified",
            "hazards:manage",
            "安全生产法 41(2)",
            starts=("recheck",),
            ends=("rectification",),
        ),
        Transition(
            "reinspect",
            frozenset({"ordered", "rectified"}),
            "reinspected",
            "hazards:manage",
            "原总局令第16号 23（待核）",
            ends=("rectification", "recheck"),
        ),
        Transition(
            "reject_rectification",
            frozenset({"ordered", "rectified"}),
            "ordered",
            "hazards:manage",
            "原总局令第16号 23（待核）",
            ends=("recheck",),
            reopens=("rectification",),
        ),
        Transition("close", frozenset({"reinspected"}), "closed", "hazards:close", "安全生产法 65(1)(三)"),
    )
}
REINSPECTABLE = TRANSITIONS["reinspect"].sources
REINSPECTION_STEPS: Mapping[ReinspectionOutcome, str] = {
    ReinspectionOutcome.RESOLVED: "reinspect",
    ReinspectionOutcome.UNCHANGED: "reject_rectification",
    ReinspectionOutcome.AGGRAVATED: "reject_rectification",
}
"""The step by which a hazard takes what a re-inspection found of it."""
STATES = frozenset({"found", "ordered", "rectified", "reinspected", "closed"})


def outcome_of(is_rectified: bool, said: str | None) -> ReinspectionOutcome | None:
    """What a re-inspection found; without a word of its own resolved or unchanged. None: the word is not known, or contradicts."""
    if said is None:
        return ReinspectionOutcome.RESOLVED if is_rectified else ReinspectionOutcome.UNCHANGED
    if said not in {*ReinspectionOutcome} or (said == ReinspectionOutcome.RESOLVED) != is_rectified:
        return None
    return ReinspectionOutcome(said)


def is_overdue(status: str, due_on: date | None, today: date) -> bool | None:
    """True from the day after the deadline while nothing is reported; None while the deadline is not known.

    What is reported waits for its re-inspection (待复查), and the time for that is the authority's. Where it finds nothing
    rectified, the old deadline counts at once: 逾期未改 follows from a re-inspection that failed.
    """
    if status != "ordered":
        return False
    return None if due_on is None else today > due_on
