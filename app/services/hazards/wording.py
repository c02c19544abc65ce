"""Whose words about a hazard leave the authority: those of its own officers and of the enterprise, nobody else's."""

from app.enums.hazards import HazardSource
from app.models.hazards import Hazard

OWN_WORDS = (HazardSource.INSPECTION, HazardSource.SELF_REPORT)
"""Sources whose words the enterprise knows: what officers found before its eyes, and what it reported. A tip, another authority's
letter (a complaint that was passed on, say) or a whistle may name whoever told of it."""


def passed_on(hazard: Hazard, requirement: str) -> str:
    """The hazard's description as an enterprise or a partner reads it; where others told of it, what the order requires instead."""
    return hazard.description if hazard.source in OWN_WORDS else requirement
