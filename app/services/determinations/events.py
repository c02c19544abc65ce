"""News of determinations."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.core.actor import Actor

QuestionOf = tuple[UUID, str]
"""(package, path of the question)."""


@dataclass(frozen=True, slots=True)
class MajorHazardConfirmed:
    """The person in charge confirmed a major hazard: by which clause, from which day, and what it rests on.

    `findings` are the non-conformities among the answers it rests on; `questions` all of these answers.
    """

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
    found_on: date
    subject: str | None
    description: str
    findings: tuple[QuestionOf, ...]
    questions: tuple[QuestionOf, ...]
