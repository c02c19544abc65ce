"""News of hazards."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class HazardsMerged:
    """A hazard was merged into another; both are locked until the unit of work ends."""

    kept_id: UUID
    merged_id: UUID
