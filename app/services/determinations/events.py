"""News of determinations."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.core.actor import Actor


@dataclass(frozen=True, slots=True)
class MajorHazardConfirmed:
    """The person in charge confirmed a major hazard: by which clause, from which day, resting on which findings."""

    actor: Actor
    verdict_id: UUID
    clause: str
    major_from: date
    visit_id: UUID
    package_id: UUID | None
    authority_id: UUID | None
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    description: str
    findings: tuple[tuple[UUID, str], ...]
