"""News of patrols."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class WhistleRaised:
    """An assistant calls for the officers."""

    whistle_id: UUID
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    urgency: str
