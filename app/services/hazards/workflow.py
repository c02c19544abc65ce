"""The states of a hazard and what leads from one to the next, as data. Overdue is no state: it is computed."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed step: the action's name, from which states, to which, and the permission it takes."""

    action: str
    sources: frozenset[str]
    target: str
    permission: str


TRANSITIONS: dict[str, Transition] = {
    one.action: one
    for one in (
        Transition("order", frozenset({"found", "ordered", "reinspected"}), "ordered", "hazards:order"),
        Transition("report_rectified", frozenset({"ordered"}), "rectified", "hazards:manage"),
        Transition("reinspect", frozenset({"ordered", "rectified"}), "reinspected", "hazards:manage"),
        Transition("reject_rectification", frozenset({"ordered", "rectified"}), "ordered", "hazards:manage"),
        Transition("close", frozenset({"reinspected"}), "closed", "hazards:close"),
    )
}
REINSPECTABLE = TRANSITIONS["reinspect"].sources
STATES = frozenset({"found", "ordered", "rectified", "reinspected", "closed"})


def is_overdue(status: str, due_on: date | None, today: date) -> bool:
    """True from the day after the deadline until a re-inspection found it rectified."""
    return due_on is not None and status in ("ordered", "rectified") and today > due_on
