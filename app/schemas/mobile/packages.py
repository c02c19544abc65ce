"""The sealed package: the envelope inside the bytes a phone signs, and the answers it gets back."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Sha256 = Annotated[str, Field(pattern=r"^sha-256:[0-9a-f]{64}$")]
MAX_EVIDENCE = 500
MAX_ANSWERS = 2000


class Sealed(BaseModel):
    """Unknown members are kept aside, not refused: an older server must not lose a newer phone's record."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Position(Sealed):
    """Where, in microdegrees of the declared datum; `accuracy_m` in metres."""

    latitude: Annotated[int, Field(ge=-90_000_000, le=90_000_000)]
    longitude: Annotated[int, Field(ge=-180_000_000, le=180_000_000)]
    datum: Literal["gcj02", "wgs84", "cgcs2000", "bd09"]
    accuracy_m: Annotated[int, Field(ge=0)] | None = None
    mock: bool = False


class TemplateReference(Sealed):
    """Which published checklist was filled in."""

    code: str
    version: int
    hash: Sha256


class EvidenceDeclaration(Sealed):
    """One file of the manifest: what the phone says it holds."""

    id: UUID
    hash: Sha256
    size: Annotated[int, Field(gt=0)]
    media_type: str
    captured_at: AwareDatetime | None = None
    monotonic_ms: int | None = None
    position: Position | None = None
    source: Literal["camera", "gallery", "file"] = "camera"
    question: str | None = None
    name: str | None = None


class Party(Sealed):
    """The inspected party's signature, or its refusal with the reason; `text_hash` is of the text that was shown."""

    outcome: Literal["signed", "refused"]
    name: str | None = None
    reason: str | None = None
    text_hash: Sha256
    evidence_id: UUID | None = None


class Times(Sealed):
    """The phone's clocks: wall times, and milliseconds since its start when sealing."""

    started_at: AwareDatetime
    sealed_at: AwareDatetime
    monotonic_ms: int | None = None
    last_server_contact_at: AwareDatetime | None = None


class Supersedes(Sealed):
    """A correction names the package it replaces, and why."""

    id: UUID
    reason: Annotated[str, Field(min_length=1)]


class Envelope(Sealed):
    """What a sealed package says. `schema` is for ever readable; answers are judged, never refused."""

    schema_: Annotated[Literal["anshao.package/1"], Field(alias="schema")]
    id: UUID
    kind: Literal["inspection", "reinspection"]
    visit_id: UUID
    assignment_id: UUID | None = None
    supersedes: Supersedes | None = None
    authority_id: UUID
    enterprise_id: UUID
    site_id: UUID
    device_id: UUID
    user_id: UUID
    officers: Annotated[list[UUID], Field(min_length=1, max_length=20)]
    legal_date: date
    template: TemplateReference
    times: Times
    position: Position | None = None
    answers: Annotated[dict[str, Any], Field(max_length=MAX_ANSWERS)]
    evidence: Annotated[list[EvidenceDeclaration], Field(max_length=MAX_EVIDENCE)]
    party: Party


class Issue(BaseModel):
    """A flag for a person; it refuses nothing. `at` points into the package."""

    code: str
    at: str | None = None
    zh: str
    en: str


class PackageAnswer(BaseModel):
    """What the server made of a package."""

    id: UUID
    hash: str
    status: Literal["received", "processed", "quarantined"]
    issues: list[Issue]
    signable: bool
    missing_evidence: list[UUID]
    receipt: bool


class SignatureRequest(BaseModel):
    """An officer's signature over `anshao.package-signature/1\\n<package hash>\\n<text hash>`."""

    model_config = ConfigDict(extra="forbid")

    text_hash: Sha256
    signature: Annotated[str, Field(min_length=1, max_length=200)]


class SignatureView(BaseModel):
    """One officer's state on a package: claimed until he has signed."""

    user_id: UUID
    status: Literal["claimed", "signed"]
    signed_at: datetime | None
