"""News of inspections."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.enums.inspections import PackageKind
from app.schemas.mobile.packages import Envelope


@dataclass(frozen=True, slots=True)
class PackageProcessed:
    """A package has been understood: its facts and findings, about one site on one legal date.

    An assistant's package has neither; what it says is in its `envelope`.
    """

    envelope: Envelope
    kind: PackageKind
    package_id: UUID
    visit_id: UUID
    authority_id: UUID
    enterprise_id: UUID
    site_id: UUID
    region_id: UUID
    user_id: UUID
    legal_date: date
    supersedes_id: UUID | None
    stands: bool = True
    """False: a fork, which counts only when a person has chosen it (then ForkChosen tells so)."""


@dataclass(frozen=True, slots=True)
class ForkChosen:
    """A person has chosen a fork: it takes the place of the package that stood."""

    package_id: UUID
    replaced_id: UUID
