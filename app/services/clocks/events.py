"""News of clocks."""

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
