"""Provenance of photographs on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.enums.evidence import EvidenceVerdict
from app.schemas.common import View, Wire


class CheckView(View):
    """One check: what it came to, why, and the numbers it compared. `weight` is 0 unless flagged."""

    code: str
    title_zh: str
    title_en: str
    outcome: str
    weight: int
    zh: str
    en: str
    compared: dict[str, Any]


class DuplicateView(View):
    """An earlier photograph with the same bytes, or that looks the same; only those that the reader is entitled to.

    `bits` of 64 differ between their perceptual hashes; `turn` is how the other lies to this one.
    """

    evidence_id: UUID
    is_exact: bool
    is_same_visit: bool
    bits: int
    turn: str
    weight: int
    zh: str
    en: str


class ReviewView(View):
    """A reviewer's verdict; the newest counts. `on_version` is what the reviewer had before him."""

    id: UUID
    user_id: UUID
    verdict: EvidenceVerdict
    reason: str
    on_version: int
    created_at: datetime


class ProvenanceView(View):
    """How a photograph's provenance was judged. `score` (0..100) counts the flags and the heaviest duplicate shown here.

    `has_changed_since_verdict`: something was judged differently after the newest verdict.
    """

    evidence_id: UUID
    version: int
    region_id: UUID
    score: int
    checks: list[CheckView]
    duplicates: list[DuplicateView]
    standards_version: int
    first_judged_at: datetime
    changed_at: datetime
    verdict: EvidenceVerdict | None
    has_changed_since_verdict: bool
    reviews: list[ReviewView]


class ProvenanceEntry(View):
    """One photograph in a list: its score, the codes of its flags, how many duplicates the reader is entitled to."""

    evidence_id: UUID
    version: int
    region_id: UUID
    package_id: UUID | None
    score: int
    flags: list[str]
    duplicates: int
    verdict: EvidenceVerdict | None
    changed_at: datetime


class VerdictRequest(Wire):
    """What the reviewer holds of the photograph as evidence, and why. The file stays as it is."""

    verdict: EvidenceVerdict
    reason: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*\S[^\x00]*$")]
