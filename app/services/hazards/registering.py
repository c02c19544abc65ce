"""Putting packages' findings into the registry: the rows of all of them, numbered by PostgreSQL, for one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from app.core.actor import Actor
from app.core.ids import new_id
from app.db.rows import Computed, Part, Rows
from app.models.hazards import Hazard, HazardStep
from app.services.audit.service import Act, rows_of_acts
from app.services.hazards.recurrences import recurrences_by_item

WORD = "患"
_TAKE_NUMBERS = """
    INSERT INTO number_series (authority_id, word, year, last)
    SELECT id, document_word || :number_word, :number_year, :number_count FROM authorities WHERE id = :number_authority
    ON CONFLICT (authority_id, word, year) DO UPDATE SET last = number_series.last + excluded.last
    RETURNING word, year, last - :number_count AS before
"""
_NUMBER = "numbers.word || '〔' || numbers.year || '〕' || (numbers.before + given.number::int) || '号'"


@dataclass(frozen=True, slots=True)
class NewHazard:
    """A finding to be registered."""

    key: str
    item_code: str
    subject: str | None
    description: str
    evidence_ids: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where findings come from."""

    package_id: UUID
    visit_id: UUID
    authority_id: UUID
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    risk_unit_id: UUID | None
    found_on: date


def hazard_sets(
    actor: Actor, found: Sequence[tuple[Origin, NewHazard]]
) -> tuple[Part | Computed | Rows, ...]:
    """What insert_rows writes to register findings of one authority and one year as general hazards, numbered in their order.

    The authority's series is locked from that statement to the end of the transaction, so its numbers have no gaps.
    """
    if not found:
        return ()
    ((authority_id, year),) = {(origin.authority_id, origin.found_on.year) for origin, _ in found}
    hazards = [_hazard(origin, finding, place) for place, (origin, finding) in enumerate(found, start=1)]
    steps = [
        {
            "hazard_id": hazard["id"],
            "action": "register",
            "from_status": None,
            "to_status": hazard["status"],
            "on_date": hazard["found_on"],
            "user_id": actor.user_id,
            "evidence_ids": [],
        }
        for hazard in hazards
    ]
    numbers = {
        "number_authority": authority_id,
        "number_word": WORD,
        "number_year": year,
        "number_count": len(hazards),
    }
    return (
        Part("numbers", _TAKE_NUMBERS, numbers),
        Computed(Hazard, hazards, (("number", _NUMBER),), joined="numbers"),
        recurrences_by_item(hazards),
        (HazardStep, steps),
        *rows_of_acts(actor, [_registered(hazard) for hazard in hazards]),
    )


def _hazard(origin: Origin, finding: NewHazard, place: int) -> dict[str, Any]:
    """The row of a general hazard just found; `number` is its place among all found until PostgreSQL numbers it."""
    return {
        "id": new_id(),
        "version": 1,
        "number": str(place),
        "authority_id": origin.authority_id,
        "enterprise_id": origin.enterprise_id,
        "site_id": origin.site_id,
        "region_id": origin.region_id,
        "risk_unit_id": origin.risk_unit_id,
        "level": "general",
        "source": "inspection",
        "visit_id": origin.visit_id,
        "package_id": origin.package_id,
        "finding_key": finding.key,
        "item_code": finding.item_code,
        "subject": finding.subject,
        "description": finding.description,
        "found_on": origin.found_on,
        "evidence_ids": list(finding.evidence_ids),
        "status": "found",
    }


def _registered(hazard: dict[str, Any]) -> Act:
    return Act(
        action="hazards:register",
        kind="hazard",
        object_id=hazard["id"],
        version=1,
        region_id=hazard["region_id"],
        after={"status": "found", "due_on": None},
    )
