"""News of cases."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CaseOpened:
    """A case was opened from hazards."""

    case_id: UUID
    region_id: UUID
    enterprise_id: UUID
    hazard_ids: tuple[UUID, ...]
    opened_on: date


@dataclass(frozen=True, slots=True)
class CaseFiled:
    """The person in charge approved the filing on this legal date."""

    case_id: UUID
    region_id: UUID
    enterprise_id: UUID
    filed_on: date
