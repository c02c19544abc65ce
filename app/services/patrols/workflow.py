"""The states of a whistle and what leads from one to the next, as data."""

from dataclasses import dataclass


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
        Transition("acknowledge", frozenset({"raised"}), "acknowledged", "patrols:handle"),
        Transition("handle", frozenset({"acknowledged"}), "handled", "patrols:handle"),
        Transition("dismiss", frozenset({"raised", "acknowledged"}), "dismissed", "patrols:handle"),
    )
}
STATES = frozenset({"raised", "acknowledged", "handled", "dismissed"})
