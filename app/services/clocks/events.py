"""News of clocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ClockMoved:
    """The end of a running clock is another one, or known, or unknown now."""

    subject_kind: str
    subject_id: UUID
    code: str
    due_on: date | None


@dataclass(frozen=True, slots=True)
class MoveBegun:
    """Clocks are about to be moved and none of them is locked yet: what they run for, by kind.

    Whoever takes a step locks the subject first and its clocks after it; whoever begins with the clocks would wait crosswise.
    Persons come between the two (responsibility.hold_responsible).
    """

    subjects: Mapping[str, Sequence[UUID]]
