"""Evidence on the wire."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.schemas.common import View, Wire

MAX_CHECKED = 500


class EvidenceStored(View):
    """A file is durable. `stored`: waits for its package; `verified`: matches its declaration; `withdrawn`: had been.

    `signed_receipt`: when the package misses no file any more, its receipt, byte for byte as GET …/receipt gives it.
    """

    id: UUID
    status: Literal["stored", "verified", "withdrawn"]
    hash: str
    size: int
    signed_receipt: str | None = None


class CheckRequest(Wire):
    """The files a phone asks about."""

    ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_CHECKED)]


class EvidenceStanding(View):
    """Where one file stands; `unknown` is also said of everybody else's. `partial`: this phone's upload is at `offset`."""

    id: UUID
    status: Literal["missing", "partial", "stored", "verified", "withdrawn", "unknown"]
    offset: int | None = None


class UploadView(View):
    """A resumable upload. `offset`: bytes that are durable; `status`: what became of the file, once all have come."""

    id: UUID
    evidence_id: UUID
    offset: int
    size: int
    status: Literal["stored", "verified", "withdrawn"] | None
    expires_at: datetime


class WithdrawalRequest(Wire):
    """A lost file. `signature`: the phone's, over `anshao.evidence-withdrawal/1\\n<package id>\\n<evidence id>\\n<declared
    hash>\\n<at>\\n<reason>`, with `at` and `reason` as they stand here."""

    package_id: UUID
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]
    at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$")]
    signature: Annotated[str, Field(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is needed to give out stored bytes, once somebody has been allowed to have them."""

    key: str
    sha256: str
    size: int
    media_type: str
    name: str


class FlagView(View):
    """What an examination found."""

    code: str
    zh: str
    en: str


class DerivativeView(View):
    """A reduced copy; `pixels` is the longest side asked for."""

    pixels: int
    width: int
    height: int
    size: int
    hash: str


class EvidenceView(View):
    """One declared file, or one that came from a desk. Not yet arrived: missing; `facts` are the camera's, unjudged."""

    id: UUID
    package_id: UUID | None
    hazard_id: UUID | None
    region_id: UUID
    origin: Literal["phone", "desk", "enterprise"]
    status: Literal["missing", "verified", "withdrawn"]
    hash: str
    size: int
    media_type: str
    detected_type: str | None
    name: str | None
    question: str | None
    source: str | None
    captured_at: datetime | None
    position: dict[str, Any] | None
    received_at: datetime | None
    examined_at: datetime | None
    flags: list[FlagView]
    facts: dict[str, Any] | None
    derivatives: list[DerivativeView]
    withdrawal: dict[str, Any] | None


class LinkRequest(Wire):
    """Which bytes: the original, or a reduced copy by its size."""

    size: Literal["original", "1280", "320"]


class LinkView(View):
    """An address that needs no login, for a few minutes and these bytes only."""

    url: str
    expires_at: datetime
