"""Hazards that somebody reports, on the wire."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, SecretStr, StringConstraints

from app.schemas.common import View, Wire
from app.schemas.determinations import StatedFact

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=2000)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Secret = Annotated[SecretStr, Field(max_length=200)]


class InformantRequest(Wire):
    """Who gave the tip, as far as he said; kept encrypted and apart."""

    name: Secret | None = None
    phone: Secret | None = None
    note: Secret | None = None


class HazardReportRequest(Wire):
    """A hazard from a tip, another authority, or an enterprise's own report on paper.

    `reference`: the number of the tip or of the letter. `found_on` is ignored for a self-report, which counts from today.
    `facts` are judged by the standard in force; `suspected_clause` is what a person suspects where they say nothing.
    """

    source: Literal["tip", "transfer", "self_report"]
    site_id: UUID
    authority_id: UUID
    description: Words
    found_on: date | None = None
    risk_unit_id: UUID | None = None
    subject: Short | None = None
    reference: Short | None = None
    from_authority: Short | None = None
    suspected_clause: Annotated[str, Field(max_length=50)] | None = None
    facts: Annotated[list[StatedFact], Field(default_factory=list, max_length=100)]
    informant: InformantRequest | None = None


class InformantView(View):
    """Who gave the tip, in full."""

    name: str | None
    phone: str | None
    note: str | None
