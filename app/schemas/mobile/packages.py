"""The sealed package: the envelope inside the bytes a phone signs, and the answers it gets back."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from app.enums.hazards import ReinspectionOutcome
from app.enums.inspections import PackageKind


def _countable(at: datetime) -> datetime:
    """Years 1 and 9999 cannot be moved between time zones; what lies between is judged, not refused."""
    if not 1 < at.year < 9999:
        raise PydanticCustomError("moment_out_of_range", "not a moment of any calendar in use")
    return at


Moment = Annotated[AwareDatetime, AfterValidator(_countable)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
"""What every JSON reader counts exactly."""

Sha256 = Annotated[str, Field(pattern=r"^sha-256:[0-9a-f]{64}$")]
MAX_EVIDENCE = 500
MAX_ANSWERS = 2000
MAX_DOCUMENTS = 50


class Sealed(BaseModel):
    """Unknown members are kept aside, not refused: an older server must not lose a newer phone's record."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Position(Sealed):
    """Where, in microdegrees of the declared datum; `accuracy_m` in metres. `mock` None: the phone does not say."""

    latitude: Annotated[int, Field(ge=-90_000_000, le=90_000_000)]
    longitude: Annotated[int, Field(ge=-180_000_000, le=180_000_000)]
    datum: Literal["gcj02", "wgs84", "cgcs2000", "bd09"]
    accuracy_m: Count | None = None
    mock: bool | None = None


class TemplateReference(Sealed):
    """Which published checklist was filled in."""

    code: str
    version: Count
    hash: Sha256


class EvidenceDeclaration(Sealed):
    """One file of the manifest: what the phone says it holds."""

    id: UUID
    hash: Sha256
    size: Annotated[int, Field(gt=0, lt=2**53)]
    media_type: str
    captured_at: Moment | None = None
    monotonic_ms: Count | None = None
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

    started_at: Moment
    sealed_at: Moment
    monotonic_ms: Count | None = None
    last_server_contact_at: Moment | None = None


class Supersedes(Sealed):
    """A correction names the package it replaces, by id and by the hash of its bytes, and why."""

    id: UUID
    hash: Sha256 | None = None
    reason: Annotated[str, Field(min_length=1)]


class CheckedPoint(Sealed):
    """One point an assistant looked at; its photographs name `key` as their question."""

    key: Annotated[str, Field(min_length=1, max_length=100)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    outcome: Literal["normal", "abnormal", "not_checked"]
    note: Annotated[str, Field(max_length=2000)] | None = None


class PatrolContent(Sealed):
    """What a patrol saw: remarks, and the points that were looked at (none is fine)."""

    note: Annotated[str, Field(max_length=4000)] | None = None
    points: Annotated[list[CheckedPoint], Field(default_factory=list, max_length=200)]


class WhistleContent(Sealed):
    """What the officers are called for (吹哨), and how soon."""

    what: Annotated[str, Field(min_length=1, max_length=4000)]
    urgency: Literal["normal", "urgent", "immediate"]


class PrintedDocument(Sealed):
    """A document printed on site: its number (安应急`word`〔`year`〕`number`号), its block, the hash of what was printed.

    `spoiled_reason`: the number was used up by a spoiled form, and no such document was handed out.
    """

    word: Annotated[str, Field(min_length=1, max_length=20)]
    year: Annotated[int, Field(ge=1900, le=9999)]
    number: Annotated[int, Field(ge=1, lt=2**53)]
    block_id: UUID | None = None
    printed_hash: Sha256 | None = None
    printed_at: Moment | None = None
    evidence_id: UUID | None = None
    spoiled_reason: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class HazardResult(Sealed):
    """What a re-inspection found of one hazard; `evidence_ids` are the after-photos, declared in the same package.

    `outcome`: resolved exactly if `is_rectified`, else unchanged or aggravated (worse than it was); without it, what is not
    rectified is unchanged. A result that contradicts itself, or says a word not known here, is kept and flagged, and changes no
    hazard until a person decides.
    """

    hazard_id: UUID
    is_rectified: bool
    outcome: Annotated[ReinspectionOutcome | str | None, Field(union_mode="left_to_right")] = None
    note: Annotated[str, Field(max_length=2000)] | None = None
    evidence_ids: Annotated[list[UUID], Field(default_factory=list, max_length=100)]


class Envelope(Sealed):
    """What a sealed package says, whatever its kind. `schema` is for ever readable; answers are judged, never refused."""

    schema_: Annotated[Literal["anshao.package/1"], Field(alias="schema")]
    id: UUID
    kind: PackageKind
    visit_id: UUID
    assignment_id: UUID | None = None
    supersedes: Supersedes | None = None
    authority_id: UUID
    enterprise_id: UUID
    site_id: UUID
    risk_unit_id: UUID | None = None
    device_id: UUID
    user_id: UUID
    officers: Annotated[list[UUID], Field(default_factory=list, max_length=20)]
    legal_date: date
    template: TemplateReference | None = None
    times: Times
    position: Position | None = None
    answers: Annotated[dict[str, Any], Field(default_factory=dict)]
    evidence: list[EvidenceDeclaration]
    party: Party | None = None
    patrol: PatrolContent | None = None
    whistle: WhistleContent | None = None
    hazards: Annotated[list[HazardResult], Field(default_factory=list, max_length=100)]
    documents: Annotated[list[PrintedDocument], Field(default_factory=list, max_length=MAX_DOCUMENTS)]


class EnforcementEnvelope(Envelope):
    """An inspection or a re-inspection: by officers, with a checklist, before the inspected party."""

    kind: Literal[PackageKind.INSPECTION, PackageKind.REINSPECTION]
    officers: Annotated[list[UUID], Field(min_length=1, max_length=20)]
    template: TemplateReference
    answers: dict[str, Any]
    party: Party


class PatrolEnvelope(Envelope):
    """An assistant's patrol: no officers, no party; a checklist only when he used one."""

    kind: Literal[PackageKind.PATROL]
    patrol: PatrolContent


class WhistleEnvelope(Envelope):
    """An assistant's call for the officers."""

    kind: Literal[PackageKind.WHISTLE]
    whistle: WhistleContent


ENVELOPES: dict[str, type[Envelope]] = {
    PackageKind.INSPECTION: EnforcementEnvelope,
    PackageKind.REINSPECTION: EnforcementEnvelope,
    PackageKind.PATROL: PatrolEnvelope,
    PackageKind.WHISTLE: WhistleEnvelope,
}


class Issue(TypedDict):
    """A flag for a person; it refuses nothing. `at` points into the package. Stored and answered as it is made: a mapping."""

    code: str
    at: str | None
    zh: str
    en: str


class PackageAnswer(BaseModel):
    """What the server made of a package. `reason`: why it is set aside, or why a person rejected it."""

    id: UUID
    hash: str
    status: Literal["received", "processed", "quarantined", "rejected"]
    reason: str | None = None
    issues: list[Issue]
    signable: bool
    missing_evidence: list[UUID]
    receipt: bool


class FileResult(BaseModel):
    """What became of one part of a submission: stored (durable, waits for its package), verified, withdrawn (had been), refused.

    `part` is its name; `problem` has the members of the problem that PUT /evidence/{id} would answer. A refused file is still
    missing; all others are durable.
    """

    part: str
    status: Literal["stored", "verified", "withdrawn", "refused"]
    problem: dict[str, Any] | None = None


class SubmissionAnswer(PackageAnswer):
    """A package and its files in one answer: each file's result, and the receipt byte for byte when no file is missing."""

    files: list[FileResult]
    signed_receipt: str | None


class SignatureRequest(BaseModel):
    """An officer's signature over `anshao.package-signature/1\\n<package hash>\\n<text hash>`."""

    model_config = ConfigDict(extra="forbid")

    text_hash: Sha256
    signature: Annotated[str, Field(min_length=1, max_length=200)]


class SignatureView(BaseModel):
    """One officer's state on a package: claimed until he has signed; `text_hash` is of the text he was shown."""

    user_id: UUID
    status: Literal["claimed", "signed"]
    signed_at: datetime | None
    text_hash: str | None = None
